/** Frame types (RFC 9113 section 6). */
export const FrameType = {
  DATA: 0x0,
  HEADERS: 0x1,
  PRIORITY: 0x2,
  RST_STREAM: 0x3,
  SETTINGS: 0x4,
  PUSH_PROMISE: 0x5,
  PING: 0x6,
  GOAWAY: 0x7,
  WINDOW_UPDATE: 0x8,
  CONTINUATION: 0x9,
} as const;

/** Flags of frames; one bit means different things in different types (RFC 9113 section 6). */
export const Flag = {
  ACK: 0x1,
  END_STREAM: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

/** Length (3), type (1), flags (1), stream id (4): RFC 9113 section 4.1. */
export const FRAME_HEADER_BYTES = 9;
/** Largest payload without a setting to the contrary, and the smallest limit that a peer may set. */
export const FRAME_PAYLOAD_BYTES_DEFAULT = 16_384;
/** Largest value of SETTINGS_MAX_FRAME_SIZE. */
export const FRAME_PAYLOAD_BYTES_MAX = 16_777_215;
/** Both windows begin so (RFC 9113 section 6.9.2). */
export const WINDOW_BYTES_DEFAULT = 65_535;
/** Largest window, and largest stream id. */
export const WINDOW_BYTES_MAX = 2_147_483_647;
export const STREAM_ID_MAX = 2_147_483_647;

/** `PRI * HTTP/2.0`, what a client sends first (RFC 9113 section 3.4). */
export const PREFACE = new Uint8Array(
  [..."PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"].map((character) => character.charCodeAt(0)),
);
