/** Frame types, RFC 9113 section 6. */
export const FRAME = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

/** Frame flags, RFC 9113 section 6. ACK is of SETTINGS and PING, END_STREAM of DATA and HEADERS. */
export const FLAG = { ack: 0x1, endStream: 0x1, endHeaders: 0x4, padded: 0x8 } as const;

/** Settings, RFC 9113 section 6.5.2. */
export const SETTING = {
  headerTableSize: 1,
  enablePush: 2,
  concurrentStreamsMax: 3,
  initialWindowSize: 4,
  frameSizeMax: 5,
} as const;

/** What a client says first, RFC 9113 section 3.4. */
export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

/** Bytes in front of every frame. */
export const FRAME_HEADER_BYTES = 9;
/** Send window of a connection and of its streams until the peer says otherwise. */
export const INITIAL_WINDOW_BYTES = 65_535;
/** Longest frame payload until the peer says otherwise. */
export const INITIAL_FRAME_BYTES_MAX = 16_384;
/** Largest window that there can be. */
export const WINDOW_BYTES_MAX = 2 ** 31 - 1;

/** Layout of a frame header: payload length (3), type (1), flags (1), stream id (4). */
export interface FrameHeader {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
}

/** A frame whose payload the caller fills in from FRAME_HEADER_BYTES on. */
export function newFrame(header: FrameHeader, payloadBytes: number): Buffer {
  const frame = Buffer.allocUnsafe(FRAME_HEADER_BYTES + payloadBytes);
  frame.writeUIntBE(payloadBytes, 0, 3);
  frame[3] = header.type;
  frame[4] = header.flags;
  frame.writeUInt32BE(header.streamId, 5);
  return frame;
}

/** A frame around a payload. */
export function frame(header: FrameHeader, payload: Uint8Array): Buffer {
  const whole = newFrame(header, payload.length);
  whole.set(payload, FRAME_HEADER_BYTES);
  return whole;
}

/** A SETTINGS frame. */
export function settingsFrame(settings: ReadonlyMap<number, number>): Buffer {
  const whole = newFrame({ type: FRAME.settings, flags: 0, streamId: 0 }, settings.size * 6);
  let offset = FRAME_HEADER_BYTES;
  for (const [id, value] of settings) {
    whole.writeUInt16BE(id, offset);
    whole.writeUInt32BE(value, offset + 2);
    offset += 6;
  }
  return whole;
}

/** A WINDOW_UPDATE frame; stream 0 is the connection. */
export function windowUpdateFrame(streamId: number, bytes: number): Buffer {
  const whole = newFrame({ type: FRAME.windowUpdate, flags: 0, streamId }, 4);
  whole.writeUInt32BE(bytes, FRAME_HEADER_BYTES);
  return whole;
}
