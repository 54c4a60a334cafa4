/**
 * A look at the file's two meta pages before LMDB maps it. LMDB trusts them: a page number behind the end
 * of the file is a bus error, and lmdb-js crashes when LMDB refuses a file. Layout (LMDB data version 2,
 * little endian, 64 bit; offsets in the page):
 *
 *     18 u16 page flags (8: meta)   24 u32 magic        28 u32 version (low half)
 *     48 u32 page size              88 u64 free root   136 u64 main root    144 u64 last page number
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { StoreCorruptError } from "../types.js";

const MAGIC = 0xbeef_c0de;
const DATA_VERSION = 2;
const META_FLAG = 8;
const META_BYTES = 152;
const META_PAGES = 2;
/** Root of a table without pages. */
const NO_PAGE = 0xffff_ffff_ffff_ffffn;

/**
 * Checks the head of an LMDB file: StoreCorruptError when it is none, or one whose roots are not in the
 * file. A missing or empty file is fine: LMDB makes it.
 */
export function checkStoreHeader(file: string): void {
  const handle = openExisting(file);
  if (handle === undefined) return;
  try {
    if (fstatSync(handle).size === 0) return;
    const head = readAt(handle, 0);
    checkMeta(file, head);
    const pageSize = head.readUInt32LE(48);
    if (pageSize < 512 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0) {
      throw new StoreCorruptError(`${file}: page size ${pageSize} in its header`);
    }
    const metas = Array.from({ length: META_PAGES }, (_, page) => readAt(handle, page * pageSize));
    // Asked for last: a transaction that commits meanwhile makes the file longer, then writes its roots.
    const { size } = fstatSync(handle);
    for (const meta of metas) {
      checkMeta(file, meta);
      for (const root of [meta.readBigUInt64LE(88), meta.readBigUInt64LE(136)]) {
        if (root !== NO_PAGE && (root + 1n) * BigInt(pageSize) > BigInt(size)) {
          throw new StoreCorruptError(`${file} is cut short, or its header damaged`);
        }
      }
    }
  } finally {
    closeSync(handle);
  }
}

function openExisting(file: string): number | undefined {
  try {
    return openSync(file, "r");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}

/** A short read leaves zeros, which no check accepts. */
function readAt(handle: number, position: number): Buffer {
  const bytes = Buffer.alloc(META_BYTES);
  readSync(handle, bytes, 0, META_BYTES, position);
  return bytes;
}

function checkMeta(file: string, page: Buffer): void {
  const isMeta = (page.readUInt16LE(18) & META_FLAG) !== 0 && page.readUInt32LE(24) === MAGIC;
  if (!isMeta) throw new StoreCorruptError(`${file} is not an LMDB file, or its header is damaged`);
  const version = page.readUInt32LE(28) & 0xffff;
  if (version !== DATA_VERSION) {
    throw new StoreCorruptError(`${file} has LMDB data version ${version}, not ${DATA_VERSION}`);
  }
}
