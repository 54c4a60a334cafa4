/**
 * A header block that cannot be decoded. The shared table is lost with it, so the connection ends with
 * COMPRESSION_ERROR (RFC 9113 section 4.3, RFC 7541 section 5).
 */
export class HpackError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "HpackError";
  }
}
