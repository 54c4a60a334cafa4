import type { Disk, DiskFile, OpenMode } from "../../../src/wal/disk.js";
import type { Random } from "../../support/random.js";
import { SimInode } from "./sim-inode.js";

/** What a program asks of the disk. */
export type OperationKind =
  | "list"
  | "makeDirectory"
  | "open"
  | "rename"
  | "remove"
  | "syncDirectory"
  | "size"
  | "read"
  | "write"
  | "writeDurably"
  | "sync"
  | "close";

/** One operation, as rules see it. `number` counts operations that change something, from 1. */
export interface Operation {
  readonly kind: OperationKind;
  readonly path: string;
  readonly number: number;
}

/** How a simulated disk behaves. All may be changed at any time. */
export interface SimDiskRules {
  /** The error of an operation, or null when it works. A failed write may have written some bytes. */
  fail: (operation: Operation) => Error | null;
  /** Bytes that files may hold in all: beyond, ENOSPC after a part of the write. */
  capacityBytes: number;
  /** Operation at which the machine stops: it takes effect in part, and nothing returns any more. */
  stopAt: number;
  /** Runs an operation later: the order in which a simulator runs them is its own. */
  schedule: (run: () => void) => void;
}

/** An error as the system would give it. */
export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, '${path}'`), { code });
}

type Run = <T>(kind: OperationKind, path: string, work: () => T) => Promise<T>;

type NameChange =
  | { readonly kind: "set"; readonly path: string; readonly inode: SimInode }
  | { readonly kind: "delete"; readonly path: string }
  | { readonly kind: "rename"; readonly from: string; readonly to: string };

/**
 * A disk in memory that can lose power. Contents and names each have a durable and a volatile state;
 * `crash` decides, by a seeded generator, what of the volatile part got there: any subset of 512-byte
 * sectors at any of the states they went through, a file size in between, a prefix of name changes.
 * A process uses the disk through `attach`; after a crash or a kill, whatever the dead process still
 * asks for is not done and never answers, and the next process attaches anew.
 */
export class SimDisk {
  readonly rules: SimDiskRules = {
    fail: () => null,
    capacityBytes: Number.POSITIVE_INFINITY,
    stopAt: Number.POSITIVE_INFINITY,
    schedule: queueMicrotask,
  };
  readonly operations: Operation[] = [];
  readonly #names = new Map<string, SimInode>();
  #durableNames = new Map<string, SimInode>();
  #nameChanges: NameChange[] = [];
  #operationCount = 0;
  #generation = 0;
  #isStopped = false;
  #onStop: (() => void)[] = [];

  /** Operations so far that change something. */
  get operationCount(): number {
    return this.#operationCount;
  }

  /** True when `stopAt` was reached. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Resolves with "stopped" when the machine stops. */
  whenStopped(): Promise<"stopped"> {
    if (this.#isStopped) return Promise.resolve("stopped");
    return new Promise((resolve) => this.#onStop.push(() => resolve("stopped")));
  }

  /** Power cut, and power again. With `tearSectors`, a sector may be cut in the middle. */
  crash(random: Random, options: { tearSectors?: boolean } = {}): void {
    this.kill();
    const kept = this.#nameChanges.slice(0, random.integer(0, this.#nameChanges.length));
    for (const change of kept) applyChange(this.#durableNames, change);
    this.#nameChanges = [];
    for (const inode of new Set([...this.#names.values(), ...this.#durableNames.values()])) {
      inode.crash(random, options.tearSectors ?? false);
    }
    this.#names.clear();
    for (const [path, inode] of this.#durableNames) this.#names.set(path, inode);
  }

  /** kill -9, and a new process: nothing that was written is lost. */
  kill(): void {
    this.#generation++;
    this.#isStopped = false;
    this.rules.stopAt = Number.POSITIVE_INFINITY;
    this.#onStop = [];
  }

  /** Bytes of all files. */
  usedBytes(): number {
    let used = 0;
    for (const inode of new Set(this.#names.values())) used += inode.bytes.length;
    return used;
  }

  /** Paths of all files. */
  paths(): string[] {
    return [...this.#names.keys()].sort();
  }

  /** A copy of a file's contents. */
  contents(path: string): Uint8Array {
    return this.#find(path).bytes.slice();
  }

  /** Changes a file behind everybody's back, durably. */
  setContents(path: string, bytes: Uint8Array): void {
    const inode = this.#names.get(path) ?? new SimInode();
    inode.replace(bytes);
    this.#names.set(path, inode);
    this.#durableNames.set(path, inode);
  }

  /** Takes a file's name away, durably. */
  discard(path: string): void {
    this.#names.delete(path);
    this.#durableNames.delete(path);
  }

  /** A disk with the same durable and volatile names, contents settled: for many tries from one state. */
  clone(): SimDisk {
    const copy = new SimDisk();
    for (const [path, inode] of this.#names) copy.setContents(path, inode.bytes.slice());
    return copy;
  }

  /** The disk as the process that begins now sees it, until the next crash or kill. */
  attach(): Disk {
    const generation = this.#generation;
    const run: Run = (kind, path, work) => this.#run({ kind, path, generation }, work);
    return {
      list: (directory) => run("list", directory, () => this.#namesIn(directory)),
      makeDirectory: (path) => run("makeDirectory", path, () => {}),
      open: (path, mode) => run("open", path, () => this.#open(path, mode, run)),
      rename: (from, to) =>
        run("rename", from, () => {
          this.#find(from);
          this.#change({ kind: "rename", from, to });
        }),
      remove: (path) =>
        run("remove", path, () => {
          this.#find(path);
          this.#change({ kind: "delete", path });
        }),
      syncDirectory: (path) =>
        run("syncDirectory", path, () => {
          if (this.#isStopped) return;
          for (const change of this.#nameChanges) applyChange(this.#durableNames, change);
          this.#nameChanges = [];
        }),
    };
  }

  #namesIn(directory: string): string[] {
    const prefix = `${directory}/`;
    const inside = this.paths().filter((path) => path.startsWith(prefix));
    return inside.map((path) => path.slice(prefix.length)).filter((name) => !name.includes("/"));
  }

  #open(path: string, mode: OpenMode, run: Run): DiskFile {
    if (mode === "create") {
      const inode = this.#names.get(path) ?? new SimInode();
      inode.truncate();
      this.#change({ kind: "set", path, inode });
    }
    const inode = this.#find(path);
    return this.#handle(inode, (kind, work) => run(kind, this.#nameOf(inode) ?? path, work));
  }

  #handle(inode: SimInode, run: <T>(kind: OperationKind, work: () => T) => Promise<T>): DiskFile {
    return {
      size: () => run("size", () => inode.bytes.length),
      read: (offset, length) => run("read", () => inode.bytes.slice(offset, offset + length)),
      write: (chunks, offset) =>
        run("write", () => {
          this.#write(inode, { chunks, offset });
        }),
      writeDurably: (chunks, offset) =>
        run("writeDurably", () => {
          const written = this.#write(inode, { chunks, offset });
          if (!this.#isStopped) inode.syncRange(written.from, written.to);
        }),
      sync: () =>
        run("sync", () => {
          if (!this.#isStopped) inode.syncRange(0, Number.POSITIVE_INFINITY);
        }),
      close: () => run("close", () => {}),
    };
  }

  /** A file's name now: it may have been renamed since it was opened. */
  #nameOf(inode: SimInode): string | undefined {
    for (const [path, named] of this.#names) if (named === inode) return path;
    return undefined;
  }

  #write(
    inode: SimInode,
    write: { chunks: readonly Uint8Array[]; offset: number },
  ): { from: number; to: number } {
    const bytes = Buffer.concat(write.chunks);
    const growth = write.offset + bytes.length - inode.bytes.length;
    const free = this.rules.capacityBytes - this.usedBytes();
    if (growth > 0 && growth > free) {
      const fits = Math.max(0, bytes.length - growth + Math.max(0, free));
      inode.write(bytes.subarray(0, fits), write.offset);
      throw systemError("ENOSPC", this.#nameOf(inode) ?? "");
    }
    inode.write(bytes, write.offset);
    return { from: write.offset, to: write.offset + bytes.length };
  }

  #find(path: string): SimInode {
    const inode = this.#names.get(path);
    if (inode === undefined) throw systemError("ENOENT", path);
    return inode;
  }

  #change(change: NameChange): void {
    applyChange(this.#names, change);
    this.#nameChanges.push(change);
  }

  /** An operation of a dead process, or of a machine that stopped, never comes to an answer. */
  #run<T>(
    what: { kind: OperationKind; path: string; generation: number },
    work: () => T,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      this.rules.schedule(() => {
        if (what.generation !== this.#generation || this.#isStopped) return;
        const operation = this.#note(what);
        const stops = CHANGES.has(what.kind) && operation.number >= this.rules.stopAt;
        if (stops) this.#isStopped = true;
        try {
          const error = stops ? null : this.rules.fail(operation);
          // A write that fails, or that the machine dies in, has reached the cache none the less.
          if (error === null || what.kind === "write" || what.kind === "writeDurably") {
            const result = error === null ? work() : this.#failedWork(work);
            if (error === null && !stops) resolve(result as T);
          }
          if (error !== null) reject(error);
        } catch (error) {
          if (!stops) reject(error);
        }
        if (stops) for (const told of this.#onStop.splice(0)) told();
      });
    });
  }

  /** Runs a write whose answer will be an error: nothing of it becomes durable by itself. */
  #failedWork<T>(work: () => T): T {
    this.#isStopped = true;
    try {
      return work();
    } finally {
      this.#isStopped = false;
    }
  }

  #note(what: { kind: OperationKind; path: string }): Operation {
    if (CHANGES.has(what.kind)) this.#operationCount++;
    const operation = { kind: what.kind, path: what.path, number: this.#operationCount };
    this.operations.push(operation);
    return operation;
  }
}

const CHANGES: ReadonlySet<OperationKind> = new Set([
  "makeDirectory",
  "open",
  "rename",
  "remove",
  "syncDirectory",
  "write",
  "writeDurably",
  "sync",
]);

function applyChange(names: Map<string, SimInode>, change: NameChange): void {
  if (change.kind === "set") names.set(change.path, change.inode);
  else if (change.kind === "delete") names.delete(change.path);
  else {
    const inode = names.get(change.from);
    names.delete(change.from);
    if (inode !== undefined) names.set(change.to, inode);
  }
}
