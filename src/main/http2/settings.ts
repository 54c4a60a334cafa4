import { ConnectionError, Http2Code } from "./error-code.js";
import {
  FRAME_PAYLOAD_BYTES_DEFAULT,
  FRAME_PAYLOAD_BYTES_MAX,
  WINDOW_BYTES_DEFAULT,
  WINDOW_BYTES_MAX,
} from "./frame-format.js";
import { readUint32 } from "./frame-reader.js";

/** Identifiers of settings (RFC 9113 section 6.5.2). */
export const SettingId = {
  HEADER_TABLE_SIZE: 0x1,
  ENABLE_PUSH: 0x2,
  MAX_CONCURRENT_STREAMS: 0x3,
  INITIAL_WINDOW_SIZE: 0x4,
  MAX_FRAME_SIZE: 0x5,
  MAX_HEADER_LIST_SIZE: 0x6,
} as const;

/** HPACK's table when no setting says otherwise (RFC 9113 section 6.5.2). */
const HEADER_TABLE_BYTES_DEFAULT = 4096;

/** What the peer has announced, and keeps to until it says otherwise. Bytes. */
export class PeerSettings {
  headerTableBytes = HEADER_TABLE_BYTES_DEFAULT;
  initialWindowBytes = WINDOW_BYTES_DEFAULT;
  frameBytesMax = FRAME_PAYLOAD_BYTES_DEFAULT;

  /** Takes the payload of a SETTINGS frame, in its order. Throws ConnectionError for a value out of range. */
  apply(bytes: Uint8Array, start: number, end: number): void {
    for (let at = start; at + 6 <= end; at += 6) {
      this.#set((bytes[at]! << 8) | bytes[at + 1]!, readUint32(bytes, at + 2));
    }
  }

  #set(identifier: number, value: number): void {
    switch (identifier) {
      case SettingId.HEADER_TABLE_SIZE:
        this.headerTableBytes = value;
        return;
      case SettingId.ENABLE_PUSH:
        if (value > 1) refuse(Http2Code.PROTOCOL_ERROR, "ENABLE_PUSH", value);
        return;
      case SettingId.INITIAL_WINDOW_SIZE:
        if (value > WINDOW_BYTES_MAX) refuse(Http2Code.FLOW_CONTROL_ERROR, "window", value);
        this.initialWindowBytes = value;
        return;
      case SettingId.MAX_FRAME_SIZE:
        if (value < FRAME_PAYLOAD_BYTES_DEFAULT || value > FRAME_PAYLOAD_BYTES_MAX) {
          refuse(Http2Code.PROTOCOL_ERROR, "frame size", value);
        }
        this.frameBytesMax = value;
        return;
      default:
        // The others bind only who opens streams or sends long lists: not a server, or not this one.
        return;
    }
  }
}

function refuse(code: Http2Code, what: string, value: number): never {
  throw new ConnectionError(code, `SETTINGS: ${what} ${value}`);
}
