/** What a connection speaks, by its first bytes. `undecided`: more of them are needed. */
export type Protocol = "http2" | "http1" | "undecided";

// No HTTP/1 method begins so; the rest of the preface (RFC 9113 section 3.4) is the HTTP/2 engine's to check.
const PREFACE_START = Buffer.from("PRI ");

/** Decides by the first bytes of a connection, all that have come so far. */
export function sniffProtocol(bytes: Uint8Array): Protocol {
  const known = Math.min(bytes.length, PREFACE_START.length);
  for (let index = 0; index < known; index++) {
    if (bytes[index] !== PREFACE_START[index]) return "http1";
  }
  return known === PREFACE_START.length ? "http2" : "undecided";
}
