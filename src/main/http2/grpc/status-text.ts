const PLAIN = /^[ -$&-~]*$/;
const encoder = new TextEncoder();

/**
 * A status text as `grpc-message` carries it (gRPC over HTTP/2, Responses): UTF-8 with everything percent-encoded
 * that is not printable ASCII, and the percent sign.
 */
export function encodeStatusText(text: string): string {
  if (PLAIN.test(text)) return text;
  let encoded = "";
  for (const byte of encoder.encode(text)) {
    const isPlain = byte >= 0x20 && byte <= 0x7e && byte !== 0x25;
    encoded += isPlain
      ? String.fromCharCode(byte)
      : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return encoded;
}
