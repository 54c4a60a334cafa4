import fs from "node:fs";
import path from "node:path";
import { type Disk, type DiskFile, hasCode, type OpenMode } from "./disk.js";

/** One system write is cut at this size, far below what the kernel takes at once (2 GiB - 4 KiB). */
const WRITE_BYTES_MAX = 256 * 1024 * 1024;

/**
 * Only Linux promises that O_DSYNC is a write plus fdatasync of its range, drive cache included: one
 * trip through the thread pool for two. Elsewhere the two calls are made.
 */
const HAS_DURABLE_WRITES = process.platform === "linux";

const OPEN_FLAGS: { readonly [mode in OpenMode]: number } = {
  create: fs.constants.O_RDWR | fs.constants.O_CREAT | fs.constants.O_TRUNC,
  write: fs.constants.O_RDWR,
  read: fs.constants.O_RDONLY,
};

/** The machine's file system. Every call is asynchronous: a slow disk never holds the event loop. */
export const nodeDisk: Disk = {
  async list(directory) {
    try {
      return await fs.promises.readdir(directory);
    } catch (error) {
      if (hasCode(error, "ENOENT")) return [];
      throw error;
    }
  },

  async makeDirectory(directory) {
    const absolute = path.resolve(directory);
    const first = await fs.promises.mkdir(absolute, { recursive: true, mode: 0o700 });
    if (first === undefined) return;
    // Each directory that was made is a new name in its parent.
    let made = absolute;
    for (;;) {
      const parent = path.dirname(made);
      await nodeDisk.syncDirectory(parent);
      if (made === first || parent === made) return;
      made = parent;
    }
  },

  async open(file, mode) {
    const descriptor = await openDescriptor(file, OPEN_FLAGS[mode]);
    if (!HAS_DURABLE_WRITES || mode === "read") return new NodeFile(descriptor, null);
    try {
      const durable = await openDescriptor(file, fs.constants.O_RDWR | fs.constants.O_DSYNC);
      return new NodeFile(descriptor, durable);
    } catch (error) {
      fs.closeSync(descriptor);
      throw error;
    }
  },

  rename: (from, to) => fs.promises.rename(from, to),

  remove: (file) => fs.promises.unlink(file),

  async syncDirectory(directory) {
    const handle = await fs.promises.open(directory, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

/** A file by its descriptors: the second, where there is one, was opened with O_DSYNC. */
class NodeFile implements DiskFile {
  readonly #descriptor: number;
  readonly #durable: number | null;

  constructor(descriptor: number, durable: number | null) {
    this.#descriptor = descriptor;
    this.#durable = durable;
  }

  size(): Promise<number> {
    return new Promise((resolve, reject) => {
      fs.fstat(this.#descriptor, (error, stats) => (error ? reject(error) : resolve(stats.size)));
    });
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    const bytes = Buffer.allocUnsafeSlow(
      Math.min(length, Math.max(0, (await this.size()) - offset)),
    );
    let filled = 0;
    while (filled < bytes.length) {
      const count = await readOnce(this.#descriptor, bytes.subarray(filled), offset + filled);
      if (count === 0) break;
      filled += count;
    }
    return bytes.subarray(0, filled);
  }

  write(chunks: readonly Uint8Array[], offset: number): Promise<void> {
    return writeAll(this.#descriptor, chunks, offset);
  }

  async writeDurably(chunks: readonly Uint8Array[], offset: number): Promise<void> {
    if (this.#durable !== null) return writeAll(this.#durable, chunks, offset);
    await writeAll(this.#descriptor, chunks, offset);
    return this.sync();
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#descriptor, (error) => (error ? reject(error) : resolve()));
    });
  }

  async close(): Promise<void> {
    await closeDescriptor(this.#descriptor);
    if (this.#durable !== null) await closeDescriptor(this.#durable);
  }
}

function openDescriptor(file: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.open(file, flags, 0o600, (error, fd) => (error ? reject(error) : resolve(fd)));
  });
}

function closeDescriptor(descriptor: number): Promise<void> {
  return new Promise((resolve, reject) => {
    fs.close(descriptor, (error) => (error ? reject(error) : resolve()));
  });
}

function readOnce(descriptor: number, target: Uint8Array, offset: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(descriptor, target, 0, target.length, offset, (error, count) =>
      error ? reject(error) : resolve(count),
    );
  });
}

/** A system write may take less than it was given (a signal, a nearly full disk): goes on after it. */
async function writeAll(
  descriptor: number,
  chunks: readonly Uint8Array[],
  offset: number,
): Promise<void> {
  let rest = chunks.filter((chunk) => chunk.length > 0);
  let at = offset;
  while (rest.length > 0) {
    const count = await writeOnce(descriptor, rest, at);
    at += count;
    rest = after(rest, count);
  }
}

function writeOnce(
  descriptor: number,
  chunks: readonly Uint8Array[],
  offset: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, count: number): void => {
      if (error !== null) reject(error);
      else if (count === 0) reject(new Error("the system took no bytes of a write"));
      else resolve(count);
    };
    const first = chunks[0] ?? new Uint8Array();
    const length = Math.min(first.length, WRITE_BYTES_MAX);
    if (chunks.length === 1 || length < first.length) {
      fs.write(descriptor, first, 0, length, offset, done);
    } else {
      fs.writev(descriptor, chunks, offset, done);
    }
  });
}

function after(chunks: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = [];
  let skip = count;
  for (const chunk of chunks) {
    if (skip < chunk.length) rest.push(skip > 0 ? chunk.subarray(skip) : chunk);
    skip = Math.max(0, skip - chunk.length);
  }
  return rest;
}
