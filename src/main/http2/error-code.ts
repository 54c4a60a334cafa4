/** Error codes of RST_STREAM and GOAWAY (RFC 9113 section 7). */
export const Http2Code = {
  NO_ERROR: 0x0,
  PROTOCOL_ERROR: 0x1,
  INTERNAL_ERROR: 0x2,
  FLOW_CONTROL_ERROR: 0x3,
  SETTINGS_TIMEOUT: 0x4,
  STREAM_CLOSED: 0x5,
  FRAME_SIZE_ERROR: 0x6,
  REFUSED_STREAM: 0x7,
  CANCEL: 0x8,
  COMPRESSION_ERROR: 0x9,
  ENHANCE_YOUR_CALM: 0xb,
} as const;
export type Http2Code = (typeof Http2Code)[keyof typeof Http2Code];

/**
 * The peer has broken the protocol in a way that ends the connection (RFC 9113 section 5.4.1): GOAWAY with
 * this code and the message as debug data. What ends one stream only is never thrown.
 */
export class ConnectionError extends Error {
  readonly code: Http2Code;

  constructor(code: Http2Code, message: string) {
    super(message);
    this.name = "ConnectionError";
    this.code = code;
  }
}
