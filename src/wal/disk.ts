/**
 * The whole disk, as the log sees it. It exists for fault injection and for whole-cluster simulation:
 * node-disk.ts is the real one. A failed operation rejects with the system's error (`code` as in
 * errno.h); nothing is retried below this line.
 */
export interface Disk {
  /** Names in a directory, in no order; none when there is no such directory. */
  list(directory: string): Promise<string[]>;
  /** Makes a directory and its missing parents; durable when it resolves. */
  makeDirectory(path: string): Promise<void>;
  /** Opens a file. `create` makes it or empties it; its name is durable after `syncDirectory`. */
  open(path: string, mode: OpenMode): Promise<DiskFile>;
  /** Renames atomically, replacing the target; durable after `syncDirectory`. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file's name; durable after `syncDirectory`. */
  remove(path: string): Promise<void>;
  /** Makes the directory's names durable. */
  syncDirectory(path: string): Promise<void>;
}

/** How a file is opened. */
export type OpenMode = "create" | "write" | "read";

/** An open file. One write at a time per file is the caller's duty. */
export interface DiskFile {
  /** Size in bytes. */
  size(): Promise<number>;
  /** Bytes from `offset`; shorter than `length` at the end of the file. The caller owns them. */
  read(offset: number, length: number): Promise<Uint8Array>;
  /** Writes the chunks one after the other from `offset`; they must not change until it resolves. */
  write(chunks: readonly Uint8Array[], offset: number): Promise<void>;
  /**
   * The same, and these bytes (with the size they need) are on stable storage when it resolves. Says
   * nothing about bytes that earlier `write`s left in a cache: those need `sync`.
   */
  writeDurably(chunks: readonly Uint8Array[], offset: number): Promise<void>;
  /** Puts all bytes written so far, and the size, on stable storage. */
  sync(): Promise<void>;
  /** Lets the file go. */
  close(): Promise<void>;
}

/** True when a disk operation failed for want of space or quota. */
export function isDiskFull(error: unknown): boolean {
  return hasCode(error, "ENOSPC") || hasCode(error, "EDQUOT");
}

/** True when a disk operation failed with this errno name. */
export function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
