import type { Disk, DiskFile } from "./disk.js";
import { WalForeignFileError } from "./errors.js";
import { readSegmentHead, SEGMENT_HEAD_BYTES, type SegmentHead } from "./recovery.js";
import {
  type Crc32,
  encodeSegmentHeader,
  parseSegmentName,
  SEGMENT_HEADER_BYTES,
  type SegmentIdentity,
  segmentName,
} from "./segment-format.js";
import type { WalMetadata } from "./types.js";

const LEFTOVER_SUFFIX = ".wal.tmp";
const SEGMENT_SUFFIX = ".wal";

/** A segment file that is ready to be written: header on disk, name durable, nothing begun. */
export interface ReadySegment {
  readonly file: DiskFile;
  readonly name: string;
  readonly sequence: number;
  readonly identity: SegmentIdentity;
  /** Size of the file: writes below it need no new space. */
  readonly allocatedBytes: number;
}

/** What the segment files of one directory need to be made. */
export interface SegmentFilesOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly crc32: Crc32;
  /** Draws the 64 random bits of a new segment. */
  readonly drawSalt: () => bigint;
  /** Bytes that a new file gets ahead of its first write. */
  readonly allocationBytes: number;
  /** Files larger than this are not kept for reuse. */
  readonly segmentBytes: number;
}

/**
 * The names in a log's directory, and the steps that make, reuse and drop segment files. Each step
 * leaves the directory readable at every point: a segment gets its final name only when its header is
 * on stable storage, and a file that is reused loses its old name durably before it is written to.
 */
export class SegmentFiles {
  readonly #options: SegmentFilesOptions;
  #spare: { readonly name: string; readonly bytes: number } | null = null;

  constructor(options: SegmentFilesOptions) {
    this.#options = options;
  }

  /** The log's directory. */
  get directory(): string {
    return this.#options.directory;
  }

  /** Path of a name in the directory. */
  path(name: string): string {
    return `${this.#options.directory}/${name}`;
  }

  /** Names of the segments, in order. Throws `WalForeignFileError` for a `.wal` that is not ours. */
  async listSegments(): Promise<string[]> {
    const names = await this.#options.disk.list(this.#options.directory);
    return segmentNames(names);
  }

  /** Removes what a crash left of files that were being made or dropped. */
  async removeLeftovers(): Promise<void> {
    const { disk, directory } = this.#options;
    const names = await disk.list(directory);
    const leftovers = names.filter((name) => name.endsWith(LEFTOVER_SUFFIX));
    for (const name of leftovers) await disk.remove(this.path(name));
    if (leftovers.length > 0) await disk.syncDirectory(directory);
  }

  /** Reads a segment's head; errors as `readSegmentHead`. */
  async readHead(name: string): Promise<SegmentHead> {
    const file = await this.#options.disk.open(this.path(name), "read");
    try {
      const fileBytes = await file.size();
      const bytes = await file.read(0, SEGMENT_HEAD_BYTES);
      return readSegmentHead({ file: name, fileBytes }, bytes, this.#options.crc32);
    } finally {
      await file.close();
    }
  }

  /** Reads a segment from its beginning, as far as asked. Shorter when the file is. */
  async read(name: string, bytes: number): Promise<Uint8Array> {
    const file = await this.#options.disk.open(this.path(name), "read");
    try {
      return await file.read(0, bytes);
    } finally {
      await file.close();
    }
  }

  /** Puts on stable storage what an earlier process may have left in the page cache. */
  async sync(name: string): Promise<void> {
    const file = await this.#options.disk.open(this.path(name), "write");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  }

  /** Makes the segment of this sequence, from a dropped one when there is one. */
  async make(sequence: number, metadata: WalMetadata): Promise<ReadySegment> {
    const { disk, directory, crc32, drawSalt, allocationBytes } = this.#options;
    const name = segmentName(sequence);
    const header = encodeSegmentHeader({ sequence, ...metadata, salt: drawSalt() }, crc32);
    const reused = this.#spare;
    const making = reused?.name ?? leftoverName(sequence);
    this.#spare = null;
    const file = await disk.open(this.path(making), reused === null ? "create" : "write");
    try {
      const zeros = new Uint8Array(reused === null ? allocationBytes - header.length : 0);
      await file.write([header, zeros], 0);
      await file.sync();
      await disk.rename(this.path(making), this.path(name));
      await disk.syncDirectory(directory);
    } catch (error) {
      await this.#abandon(file, making);
      throw error;
    }
    const tag = new DataView(header.buffer).getUint32(SEGMENT_HEADER_BYTES - 4, true);
    const identity = { sequence: sequence >>> 0, tag };
    const allocatedBytes = reused?.bytes ?? allocationBytes;
    return { file, name, sequence, identity, allocatedBytes };
  }

  /**
   * Drops a segment, keeping at most one file for reuse. Durable when it resolves, so that segments
   * dropped one after the other never leave a gap behind a crash.
   */
  async drop(sequence: number, bytes: number): Promise<void> {
    const { disk, directory, segmentBytes } = this.#options;
    const path = this.path(segmentName(sequence));
    const reusable = this.#spare === null && bytes <= segmentBytes;
    const name = leftoverName(sequence);
    await (reusable ? disk.rename(path, this.path(name)) : disk.remove(path));
    await disk.syncDirectory(directory);
    if (reusable) this.#spare = { name, bytes };
  }

  /** A file half made under its temporary name is only a leftover: failing to remove it is no harm. */
  async #abandon(file: DiskFile, making: string): Promise<void> {
    await file.close().catch(() => {});
    await this.#options.disk.remove(this.path(making)).catch(() => {});
  }
}

/** Picks the segments out of a directory's names, in order. Any other `.wal` is refused, the rest is not ours to judge. */
export function segmentNames(names: readonly string[]): string[] {
  const segments = names.filter((name) => name.endsWith(SEGMENT_SUFFIX));
  for (const name of segments) {
    if (parseSegmentName(name) === null) {
      throw new WalForeignFileError(name, "segments are named by 16 hexadecimal digits");
    }
  }
  return segments.sort();
}

function leftoverName(sequence: number): string {
  return `${sequence.toString(16).padStart(16, "0")}${LEFTOVER_SUFFIX}`;
}
