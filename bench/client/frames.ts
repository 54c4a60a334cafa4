import { ByteSink } from "../../src/main/http2/byte-sink.js";
import { FRAME_HEADER_BYTES } from "../../src/main/http2/frame-format.js";
import {
  type FrameHead,
  writeSettings,
  writeWindowUpdate,
} from "../../src/main/http2/frame-writer.js";

/** A frame whose payload the caller fills in from FRAME_HEADER_BYTES on. Hot: from Node's pool of buffers. */
export function newFrame(head: FrameHead, payloadBytes: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payloadBytes);
  frame.writeUIntBE(payloadBytes, 0, 3);
  frame[3] = head.type;
  frame[4] = head.flags;
  frame.writeUInt32BE(head.streamId, 5);
  return frame;
}

/** A frame around a payload. */
export function frame(head: FrameHead, payload: Uint8Array): Buffer {
  const whole = newFrame(head, payload.length);
  whole.set(payload, FRAME_HEADER_BYTES);
  return whole;
}

/** A SETTINGS frame with pairs of identifier and value. */
export function settingsFrame(settings: readonly (readonly [number, number])[]): Uint8Array {
  const sink = new ByteSink();
  writeSettings(sink, settings);
  return sink.view();
}

/** A WINDOW_UPDATE frame; stream 0 is the connection. */
export function windowUpdateFrame(streamId: number, bytes: number): Uint8Array {
  const sink = new ByteSink(FRAME_HEADER_BYTES + 4);
  writeWindowUpdate(sink, streamId, bytes);
  return sink.view();
}
