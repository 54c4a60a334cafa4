import { MIB } from "../shared/limits.js";
import { nativeCrc32 } from "./crc32.js";
import { type Disk, isDiskFull } from "./disk.js";
import { WalExistsError, WalFailedError, WalNotFoundError } from "./errors.js";
import { LogState } from "./log-state.js";
import {
  checkSequence,
  neededBytes,
  type RecoveredLog,
  Replay,
  type SegmentHead,
} from "./recovery.js";
import { SegmentFiles, segmentNames } from "./segment-files.js";
import { type Crc32, segmentName } from "./segment-format.js";
import type { WalMetadata } from "./types.js";
import { Wal, type WalParts } from "./wal.js";

const SEGMENT_BYTES_DEFAULT = 64 * MIB;
const ALLOCATION_BYTES_DEFAULT = MIB;

/** How a log is opened or made. */
export interface WalOptions {
  readonly disk: Disk;
  readonly directory: string;
  /** Draws 64 random bits, once per segment: nobody outside may be able to guess them. */
  readonly drawSalt: () => bigint;
  /** Size at which the log goes on in its next segment. Default 64 MiB. */
  readonly segmentBytes?: number;
  /** Zeros written ahead in a new file. Default 1 MiB. */
  readonly allocationBytes?: number;
  readonly crc32?: Crc32;
  /** Called by `openWal` with what the log holds, before anything is changed on disk; throws to refuse it. */
  readonly accept?: (recovered: RecoveredLog) => void;
  /** Told of trouble that is not fatal yet: no space to make the next segment ahead of time. */
  readonly warn?: (message: string, cause: unknown) => void;
}

/** A log that is ready to be written, and what it holds. */
export interface OpenedWal {
  readonly wal: Wal;
  readonly recovered: RecoveredLog;
}

/** True when there is a log in the directory. Throws `WalForeignFileError` for a `.wal` not ours. */
export async function hasWal(disk: Disk, directory: string): Promise<boolean> {
  return segmentNames(await disk.list(directory)).length > 0;
}

/**
 * Whose log is in the directory, from the head of its first segment; undefined when there is none. Changes
 * nothing. Throws what `openWal` throws for that segment.
 */
export async function readWalMetadata(
  disk: Disk,
  directory: string,
): Promise<WalMetadata | undefined> {
  const files = new SegmentFiles({
    disk,
    directory,
    crc32: nativeCrc32,
    drawSalt: () => 0n,
    segmentBytes: SEGMENT_BYTES_DEFAULT,
    allocationBytes: ALLOCATION_BYTES_DEFAULT,
  });
  const first = (await files.listSegments())[0];
  if (first === undefined) return undefined;
  const { clusterId, memberId } = (await files.readHead(first)).header;
  return { clusterId, memberId };
}

/**
 * Makes a new member's log, and the directory when there is none. When it resolves, the log survives
 * a power cut; a crash before that leaves no log. Throws `WalExistsError` where one is.
 */
export async function createWal(options: WalOptions, metadata: WalMetadata): Promise<Wal> {
  const { disk, directory } = options;
  const common = commonParts(options);
  if (await hasWal(disk, directory)) throw new WalExistsError(directory);
  return failing(directory, async () => {
    await disk.makeDirectory(directory);
    await common.files.removeLeftovers();
    const next = await common.files.make(1, metadata);
    const end = { sequence: 0, offset: 0, checksum: 0 };
    return new Wal({ ...common, metadata, state: new LogState(), end, closed: [], next });
  });
}

/**
 * Opens a log: reads it, cuts a torn tail, and makes the segment that it goes on in. Writing never
 * goes on in a segment of an earlier process: what a crash left behind its end stays there, outside
 * the log. Throws `WalNotFoundError`, `WalCorruptError`, `WalMissingSegmentError`, `WalTooNewError`
 * and `WalForeignFileError`, and what `accept` throws, before anything was changed on disk, and
 * `WalFailedError` after that.
 */
export async function openWal(options: WalOptions): Promise<OpenedWal> {
  const { directory } = options;
  const common = commonParts(options);
  const { files, crc32 } = common;
  const heads = await readHeads(files);
  const last = heads[heads.length - 1];
  if (last === undefined) throw new WalNotFoundError(directory);
  const replay = new Replay(crc32);
  for (const [i, head] of heads.entries()) {
    const next = heads[i + 1] ?? null;
    replay.add(head, await files.read(head.file, neededBytes(head, next)), next);
  }
  const recovered = replay.finish();
  options.accept?.(recovered);
  const wal = await failing(directory, async () => {
    const { state, end, segments } = replay;
    // What was recovered may be in the page cache only, and from here on it counts.
    if (end.sequence > 0) await files.sync(segmentName(end.sequence));
    await files.removeLeftovers();
    // Replaces a segment that was made ahead but not begun: a torn first write may be in there.
    const next = await files.make(end.sequence + 1, recovered.metadata);
    const { metadata } = recovered;
    return new Wal({ ...common, metadata, state, end, closed: segments, next });
  });
  return { wal, recovered };
}

async function readHeads(files: SegmentFiles): Promise<SegmentHead[]> {
  const heads: SegmentHead[] = [];
  for (const name of await files.listSegments()) heads.push(await files.readHead(name));
  checkSequence(heads);
  return heads;
}

type CommonParts = Omit<WalParts, "metadata" | "state" | "end" | "closed" | "next">;

function commonParts(options: WalOptions): CommonParts {
  const { disk, directory, drawSalt } = options;
  const crc32 = options.crc32 ?? nativeCrc32;
  const warn = options.warn ?? (() => {});
  const segmentBytes = options.segmentBytes ?? SEGMENT_BYTES_DEFAULT;
  const allocationBytes = Math.min(
    options.allocationBytes ?? ALLOCATION_BYTES_DEFAULT,
    segmentBytes,
  );
  const sizes = { segmentBytes, allocationBytes };
  const files = new SegmentFiles({ disk, directory, crc32, drawSalt, ...sizes });
  return { directory, files, crc32, warn, ...sizes };
}

async function failing<T>(directory: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new WalFailedError(directory, error, isDiskFull(error));
  }
}
