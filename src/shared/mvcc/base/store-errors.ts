import { StoreCorruptError } from "../types.js";

/**
 * Return codes by which LMDB says that the file makes no sense (lmdb.h): PAGE_NOTFOUND, CORRUPTED, PANIC,
 * VERSION_MISMATCH, INVALID, CURSOR_FULL, INCOMPATIBLE, BAD_DBI.
 */
const DAMAGE_CODES = new Set([-30797, -30796, -30795, -30794, -30793, -30787, -30784, -30780]);

/**
 * What an error of lmdb-js means: damage becomes StoreCorruptError, what is one already stays as it is,
 * the rest (no space, no memory, no permission) keeps its cause.
 */
export function mapLmdbError(error: unknown, doing: string): Error {
  if (error instanceof Error && error.name.startsWith("Store")) return error;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  const message = plainMessage(error, code);
  const isDamage = typeof code === "number" && DAMAGE_CODES.has(code);
  // lmdb-js's own check on keys that come back from a damaged page.
  if (isDamage || message.startsWith("Invalid key size")) {
    return new StoreCorruptError(`store damaged: ${doing}: ${message}`, { cause: error });
  }
  return new Error(`store: ${doing}: ${message}`, { cause: error });
}

/** The message; for an errno without the last remark of another call, which lmdb-js appends. */
function plainMessage(error: unknown, code: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const isErrno = typeof code === "number" && code > 0;
  return isErrno ? (message.split(": ")[0] ?? message) : message;
}
