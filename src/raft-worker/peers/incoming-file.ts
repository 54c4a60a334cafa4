import { type FileHandle, mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { LogPosition } from "../core/entry.js";

const PART_NAME = "incoming.part";
/** So many bytes may wait to reach the disk: one sync of gigabytes would stop everything else on it. */
const UNSYNCED_BYTES_MAX = 32 * 1024 * 1024;

/** A snapshot on its way in: a file that has its name only when it is complete and on disk. */
export class IncomingFile {
  readonly #directory: string;
  readonly #part: string;
  readonly #handle: FileHandle;
  #unsyncedBytes = 0;

  private constructor(directory: string, part: string, handle: FileHandle) {
    this.#directory = directory;
    this.#part = part;
    this.#handle = handle;
  }

  /** Makes the directory, and removes what a crash may have left in it half received. */
  static async prepare(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await rm(join(directory, PART_NAME), { force: true });
  }

  /** Begins a file. One at a time per directory. */
  static async create(directory: string): Promise<IncomingFile> {
    const part = join(directory, PART_NAME);
    return new IncomingFile(directory, part, await open(part, "w", 0o600));
  }

  async append(bytes: Uint8Array): Promise<void> {
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await this.#handle.write(bytes, written);
      written += bytesWritten;
    }
    this.#unsyncedBytes += bytes.length;
    if (this.#unsyncedBytes < UNSYNCED_BYTES_MAX) return;
    this.#unsyncedBytes = 0;
    await this.#handle.datasync();
  }

  /** Gives the complete file its name; its path. It survives a power cut from now on. */
  async commit(position: LogPosition): Promise<string> {
    const path = join(this.#directory, snapshotFileName(position));
    await this.#handle.sync();
    await this.#handle.close();
    await rename(this.#part, path);
    const directory = await open(this.#directory, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
    return path;
  }

  /** Removes the file, as far as that can be done. */
  async discard(): Promise<void> {
    await this.#handle.close().catch(() => {});
    await rm(this.#part, { force: true }).catch(() => {});
  }
}

function snapshotFileName({ index, term }: LogPosition): string {
  return `${hex16(index)}-${hex16(term)}.snapshot`;
}

function hex16(value: number): string {
  return value.toString(16).padStart(16, "0");
}
