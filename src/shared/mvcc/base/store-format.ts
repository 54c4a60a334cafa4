/**
 * The LMDB file of the durable base: where it is, how it is opened, which tables it has.
 *
 *     table      row key                                      body
 *     meta       name                                         format version, store state, named values
 *     keys       user key, at most INLINE_KEY_BYTES_MAX       key record (key-record.ts)
 *                first INLINE_KEY_BYTES_MAX bytes + 0xff      overflow bucket (long-keys.ts)
 *     longKeys   id u64, 0                                    a user key too long for a row key
 *                id u64, 1                                    its key record
 *     history    history id u64, main u64, sub u32            chunk of a key's older revisions
 *     revisions  main u64, sub u32                            flags u8 (1 tombstone), stored KeyValue
 *     leases     lease id u64                                 leasepb.Lease
 *     leaseKeys  lease id u64, 0, user key | 1, id u64        empty
 *     members    member id u64                                etcdserverpb.Member
 *     alarms     member id u64, alarm u32                     empty
 *     removedMembers                                          empty
 *                id u64 of a former member, never a member's again
 *
 * Row keys are big endian, so that LMDB's byte order is the order of the numbers. Every value begins with
 * a little-endian CRC-32 of its row key and body: LMDB checks nothing itself, and a value that moved to
 * another key must not pass either.
 */
import { statSync } from "node:fs";
import { join } from "node:path";
import { type Database, open, type RootDatabase } from "lmdb";
import { StoreCorruptError } from "../types.js";
import { mapLmdbError } from "./store-errors.js";
import { checkStoreHeader } from "./store-header.js";

/** Version of everything in this folder. A store of a newer one is refused (StoreTooNewError). */
export const STORE_FORMAT_VERSION = 1;

/** Address space for the file; it is sparse, and far above any quota that etcd's own limits allow. */
const MAP_BYTES = 2 ** 38;
/** Snapshots that may be open at once, over all threads. */
const READERS_MAX = 1024;

/** Row names in the meta table. */
export const MetaRow = {
  /** [magic, version u32]: the one row whose layout never changes. */
  format: Buffer.from("format"),
  state: Buffer.from("state"),
  /** Prefix of named values. */
  value: "value/",
} as const;

/** One LMDB table. */
export type Table = Database<Uint8Array, Uint8Array>;

/** Names of all tables. */
export const TABLE_NAMES = [
  "meta",
  "keys",
  "longKeys",
  "history",
  "revisions",
  "leases",
  "leaseKeys",
  "members",
  "alarms",
  "removedMembers",
] as const;

/** Name of a table. */
export type TableName = (typeof TABLE_NAMES)[number];

/** All tables, opened through one environment handle. */
export type Tables = { readonly [name in TableName]: Table };

/** A handle on the environment. Each thread has its own; the apply worker has one to read and one to write. */
export interface StoreEnvironment {
  readonly root: RootDatabase<Uint8Array, Uint8Array>;
  readonly tables: Tables;
}

/** A store written by a newer version of this program. */
export class StoreTooNewError extends Error {
  override name = "StoreTooNewError";
}

/** The data file of a store directory. */
export function storeFile(directory: string): string {
  return join(directory, "data.mdb");
}

/**
 * Opens the environment. When `prepare` says "create", missing tables are made; otherwise a missing one is
 * damage. The directory must exist. Readers open read only, after the writer has opened the file: LMDB
 * hands out table handles that exist without touching what other threads look at, new ones not.
 */
export function openEnvironment(
  directory: string,
  mode: "read" | "write",
  prepare: (root: RootDatabase<Uint8Array, Uint8Array>) => "create" | "existing" = () => "existing",
): StoreEnvironment {
  const doing = `open ${storeFile(directory)}`;
  let root: RootDatabase<Uint8Array, Uint8Array> | undefined;
  try {
    checkStoreHeader(storeFile(directory));
    root = openRoot(directory, mode);
    const environment = { root, tables: openTables(root, prepare(root) === "create") };
    checkLength(directory, environment);
    return environment;
  } catch (error) {
    // Nothing is being written, so this closes at once.
    root?.close().catch(() => {});
    throw mapLmdbError(error, doing);
  }
}

function openRoot(directory: string, mode: "read" | "write"): RootDatabase<Uint8Array, Uint8Array> {
  return open<Uint8Array, Uint8Array>({
    path: directory,
    noSubdir: false,
    encoding: "binary",
    keyEncoding: "binary",
    maxDbs: TABLE_NAMES.length + 1,
    maxReaders: READERS_MAX,
    mapSize: MAP_BYTES,
    noMemInit: true,
    // With it lmdb-js keeps a second promise per transaction that nobody can handle when a commit fails.
    eventTurnBatching: false,
    // Commits are visible before they are on disk, and after a power cut LMDB goes back to the newest
    // flushed one. Without safeRestore it would trust the kernel's boot id to tell the two apart.
    ...(mode === "read" ? { readOnly: true } : { overlappingSync: true, safeRestore: true }),
  });
}

/** Opens one table; undefined when it does not exist and `create` is false. */
export function openTable(
  root: RootDatabase<Uint8Array, Uint8Array>,
  name: TableName,
  create: boolean,
): Table | undefined {
  return root.openDB<Uint8Array, Uint8Array>(name, {
    encoding: "binary",
    keyEncoding: "binary",
    // lmdb-js knows this option; its types do not.
    ...{ create },
  });
}

function openTables(root: RootDatabase<Uint8Array, Uint8Array>, create: boolean): Tables {
  const table = (name: TableName): Table => {
    const opened = openTable(root, name, create);
    if (!opened) throw new StoreCorruptError(`store has no table ${name}`);
    return opened;
  };
  return {
    meta: table("meta"),
    keys: table("keys"),
    longKeys: table("longKeys"),
    history: table("history"),
    revisions: table("revisions"),
    leases: table("leases"),
    leaseKeys: table("leaseKeys"),
    members: table("members"),
    alarms: table("alarms"),
    removedMembers: table("removedMembers"),
  };
}

/** What LMDB says of a table's pages. */
interface TableStats {
  readonly entryCount: number;
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

/** What LMDB says of the environment, as of the newest commit. */
interface RootStats extends TableStats {
  readonly pageSize: number;
  readonly lastPageNumber: number;
  readonly free: TableStats;
}

/** What the file takes. */
export interface StoreSizes {
  /** Bytes of the file that have ever been used. */
  readonly bytes: number;
  /** Bytes of pages that hold something. */
  readonly bytesInUse: number;
}

const META_PAGES = 2;

/** The file's sizes as of the newest commit: a few reads of page headers, not a walk. */
export function storeSizes({ root, tables }: StoreEnvironment): StoreSizes {
  const stats = root.getStats() as RootStats;
  let pages = META_PAGES + pagesOf(stats) + pagesOf(stats.free);
  for (const name of TABLE_NAMES) pages += pagesOf(tables[name].getStats() as TableStats);
  // Statistics are read through lmdb-js's own short snapshot; it must not linger.
  root.resetReadTxn();
  return {
    bytes: (stats.lastPageNumber + 1) * stats.pageSize,
    bytesInUse: pages * stats.pageSize,
  };
}

/** Rows of a table, as of the newest commit. Of the root: its tables. */
export function rowCount(table: Table): number {
  const { entryCount } = table.getStats() as TableStats;
  table.resetReadTxn();
  return entryCount;
}

function pagesOf(stats: TableStats): number {
  return stats.treeBranchPageCount + stats.treeLeafPageCount + stats.overflowPages;
}

/**
 * Refuses a file that misses more than it can: a read behind its end would be a bus error. LMDB does not
 * write pages that it took and gave back in one transaction, so the end may be missing as far as pages
 * are free.
 */
function checkLength(directory: string, environment: StoreEnvironment): void {
  const { bytes, bytesInUse } = storeSizes(environment);
  const { size } = statSync(storeFile(directory));
  if (size < bytesInUse) {
    const file = storeFile(directory);
    throw new StoreCorruptError(`${file} is cut short: ${size} bytes, ${bytes} expected`);
  }
}
