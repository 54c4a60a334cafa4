import { gunzipSync } from "node:zlib";
import { type ErrorFacts, GrpcStatus } from "../../shared/errors.js";
import { inflatedTooBig, noDecompressor } from "./failure-text.js";

/** How a message came. */
export interface Compression {
  /** The compressed flag of its prefix. */
  readonly flag: number;
  /** The call's `grpc-encoding`; "" is none. */
  readonly encoding: string;
  readonly receiveBytesMax: number;
}

/** Undoes the compression of a message whose flag is not 0. Gives the failure when that cannot be done. */
export function inflate(message: Uint8Array, compression: Compression): Uint8Array | ErrorFacts {
  const { flag, encoding, receiveBytesMax } = compression;
  if (flag !== 1) return internal(`grpc: received unexpected payload format ${flag}`);
  if (encoding === "") {
    return internal("grpc: compressed flag set with identity or empty encoding");
  }
  if (encoding !== "gzip") return noDecompressor(encoding);
  try {
    return gunzipSync(message, { maxOutputLength: Math.max(1, receiveBytesMax) });
  } catch (error) {
    if (error instanceof RangeError) return inflatedTooBig(receiveBytesMax);
    const isShort = message.length < GZIP_HEADER_BYTES || codeOf(error) === "Z_BUF_ERROR";
    const why = isShort ? "unexpected EOF" : "gzip: invalid header";
    return internal(`grpc: failed to decompress the message: ${why}`);
  }
}

/** Whether messages of this `grpc-encoding` can be taken. */
export function isKnownEncoding(encoding: string): boolean {
  return encoding === "" || encoding === "gzip";
}

/** RFC 1952 section 2.3. */
const GZIP_HEADER_BYTES = 10;

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function internal(message: string): ErrorFacts {
  return { status: GrpcStatus.INTERNAL, message };
}
