import { assert } from "../shared/assert.js";
import { isDiskFull } from "./disk.js";
import { WalFailedError } from "./errors.js";
import { FRAME_HEADER_BYTES, sealFrame } from "./frame.js";
import type { LogState } from "./log-state.js";
import {
  batchFrameBytes,
  encodeBatch,
  encodeStart,
  entryRuns,
  START_FRAME_BYTES,
} from "./records.js";
import type { LogEnd } from "./recovery.js";
import type { SegmentFiles } from "./segment-files.js";
import type { Crc32 } from "./segment-format.js";
import { SegmentSupply, type SegmentSupplyOptions } from "./segment-supply.js";
import { type SegmentSizes, SegmentWriter } from "./segment-writer.js";
import type { EntryRun, LogPosition, WalBatch, WalMetadata } from "./types.js";

/** The frame buffer is kept up to this size; a larger batch gets one of its own. */
const BUFFER_BYTES_KEPT_MAX = 8 * 1024 * 1024;
/** Positions in a segment are u32; a batch that large is a bug of whoever collected it. */
const FRAME_BYTES_MAX = 1024 * 1024 * 1024;

/** What `openWal` and `createWal` hand to a log. */
export interface WalParts extends SegmentSizes {
  readonly directory: string;
  readonly metadata: WalMetadata;
  readonly files: SegmentFiles;
  readonly crc32: Crc32;
  readonly warn: (message: string, cause: unknown) => void;
  readonly state: LogState;
  readonly end: LogEnd;
  readonly closed: SegmentSupplyOptions["closed"];
  readonly next: SegmentSupplyOptions["next"];
}

/** A batch with the size of its frame. */
interface MeasuredBatch {
  readonly batch: WalBatch;
  readonly runs: readonly EntryRun[];
  readonly bytes: number;
}

/**
 * The write-ahead log of one Raft member: one write and one wait for the disk per batch, with no cap
 * on a batch's entries. One append at a time: whoever drives it collects what arrives meanwhile into
 * the next batch. Made by `openWal` and `createWal`.
 */
export class Wal {
  readonly metadata: WalMetadata;
  readonly #parts: WalParts;
  readonly #supply: SegmentSupply;
  readonly #state: LogState;
  readonly #zeros: Uint8Array;
  #end: LogEnd;
  #current: SegmentWriter | null = null;
  /** Highest index of any entry in the current segment. */
  #maxIndex = 0;
  /** A truncation that the next batch will write down. */
  #truncation: LogPosition | null = null;
  #buffer: Uint8Array = new Uint8Array(256 * 1024);
  #isAppending = false;
  #isClosed = false;
  #failure: WalFailedError | null = null;
  #syncCount = 0;
  #bytesWritten = 0;

  constructor(parts: WalParts) {
    this.metadata = parts.metadata;
    this.#parts = parts;
    this.#state = parts.state;
    this.#end = parts.end;
    this.#zeros = new Uint8Array(parts.allocationBytes);
    const { files, metadata, closed, next, warn } = parts;
    const onFailure = (cause: unknown): void => void this.#fail(cause);
    this.#supply = new SegmentSupply({ files, metadata, closed, next, warn, onFailure });
  }

  /** Place of the newest entry that an append has resolved for, or of the snapshot after it. */
  get last(): LogPosition {
    return this.#state.last;
  }

  /** Everything up to here is held elsewhere. */
  get snapshot(): LogPosition {
    return this.#state.snapshot;
  }

  /** Appends that waited for the disk. */
  get syncCount(): number {
    return this.#syncCount;
  }

  /** Bytes of frames written. */
  get bytesWritten(): number {
    return this.#bytesWritten;
  }

  /** The failure that ended the log; null while it works. */
  get failure(): WalFailedError | null {
    return this.#failure;
  }

  /**
   * Writes a batch. When it resolves with `sync`, this batch and all before it survive a power cut;
   * without, it is in the page cache. Rejects with `WalFailedError` when the disk fails, and with the
   * same error ever after. One at a time: asserted.
   */
  async append(batch: WalBatch): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    assert(!this.#isAppending, "a WAL append is under way");
    assert(!this.#isClosed, "the WAL is closed");
    const written = this.#withTruncation(batch);
    const runs = entryRuns(written.entries);
    const problem = this.#state.problemWith({ ...written, runs });
    assert(problem === null, "a batch does not follow the log", { expected: problem });
    this.#isAppending = true;
    try {
      await this.#write(written, runs);
    } catch (error) {
      throw this.#fail(error);
    } finally {
      this.#isAppending = false;
    }
    this.#state.apply({ ...written, runs });
    if (batch.sync) this.#tidy();
  }

  /**
   * Says that entries below `index` are held elsewhere, durably: whole segments of such entries are
   * dropped or reused. Nothing happens at once: the truncation is written with the next batch, and
   * acts when a batch after that was synced. An index beyond the log counts as its end.
   */
  truncateBefore(index: number): void {
    const at = Math.min(index - 1, this.#state.last.index);
    if (at <= this.#state.snapshot.index || at <= (this.#truncation?.index ?? 0)) return;
    const term = this.#state.termAt(at);
    assert(term !== null, "the term of a truncated entry is not known", { index });
    this.#truncation = { index: at, term };
  }

  /** Highest index of any entry in all but the newest `count` closed segments; 0 when there are no others. */
  lastIndexBeyond(count: number): number {
    return this.#supply.lastIndexBeyond(count);
  }

  /**
   * Waits for what is under way, marks the log's end and lets the files go. An append must not be
   * under way. Never rejects because of an earlier failure.
   */
  async close(): Promise<void> {
    assert(!this.#isAppending, "a WAL append is under way");
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#supply.close();
    const current = this.#current;
    if (current === null) return;
    try {
      // Nothing vouches for the last synced frame before another one follows: see the README.
      if (this.#failure === null && current.hasRoomFor(FRAME_HEADER_BYTES)) {
        const batch = { entries: [], sync: true };
        const mark = { batch, runs: [], bytes: FRAME_HEADER_BYTES };
        await current.write(this.#encode(mark, current, false), true);
      }
    } catch (error) {
      throw this.#fail(error);
    } finally {
      await current.close();
    }
  }

  #fail(cause: unknown): WalFailedError {
    this.#failure ??= new WalFailedError(this.#parts.directory, cause, isDiskFull(cause));
    return this.#failure;
  }

  #withTruncation(batch: WalBatch): WalBatch {
    const truncation = this.#truncation;
    this.#truncation = null;
    if (truncation === null || truncation.index <= (batch.snapshot?.index ?? 0)) return batch;
    return { ...batch, snapshot: truncation };
  }

  async #write(batch: WalBatch, runs: readonly EntryRun[]): Promise<void> {
    const bytes = batchFrameBytes(batch, runs);
    assert(bytes <= FRAME_BYTES_MAX, "a batch is too large", { bytes });
    let current = this.#current;
    const begins = current === null || !current.hasRoomFor(bytes);
    if (begins) current = await this.#roll();
    assert(current !== null, "no segment to write to");
    const frames = this.#encode({ batch, runs, bytes }, current, begins);
    await current.write(frames, batch.sync);
    if (this.#failure !== null) throw this.#failure;
    this.#bytesWritten += frames.length;
    if (batch.sync) this.#syncCount++;
    this.#maxIndex = Math.max(this.#maxIndex, batch.entries[batch.entries.length - 1]?.index ?? 0);
  }

  /** Goes on in the next segment. Its start names the old one's end, which must be durable by then. */
  async #roll(): Promise<SegmentWriter> {
    const old = this.#current;
    if (old !== null) {
      await old.sync();
      await old.close();
      this.#current = null;
      const { sequence, allocatedBytes } = old;
      this.#supply.retire({ sequence, bytes: allocatedBytes, maxIndex: this.#maxIndex });
    }
    await this.#supply.settle();
    if (this.#failure !== null) throw this.#failure;
    const ready = await this.#supply.take(this.#end.sequence + 1);
    const current = new SegmentWriter(ready, this.#parts, this.#zeros);
    this.#current = current;
    this.#maxIndex = 0;
    return current;
  }

  /** The batch's frame, after the segment's start when it begins one. Valid until the next call. */
  #encode(measured: MeasuredBatch, current: SegmentWriter, begins: boolean): Uint8Array {
    const { crc32 } = this.#parts;
    const { batch, runs, bytes } = measured;
    const startBytes = begins ? START_FRAME_BYTES : 0;
    const frames = this.#room(startBytes + bytes);
    const { identity, syncedThrough, position } = current;
    let previous = this.#end.checksum;
    if (begins) {
      const start = frames.subarray(0, startBytes);
      const { last, snapshot, hardState } = this.#state;
      encodeStart(start, { previousEnd: this.#end.offset, last, snapshot, hardState });
      previous = sealFrame(start, { identity, offset: position, syncedThrough, previous }, crc32);
    }
    const offset = position + startBytes;
    const frame = frames.subarray(startBytes);
    encodeBatch(frame, batch, runs);
    const checksum = sealFrame(frame, { identity, offset, syncedThrough, previous }, crc32);
    this.#end = { sequence: current.sequence, offset: offset + bytes, checksum };
    return frames;
  }

  #room(bytes: number): Uint8Array {
    if (bytes > BUFFER_BYTES_KEPT_MAX) return new Uint8Array(bytes);
    if (bytes > this.#buffer.length) {
      this.#buffer = new Uint8Array(Math.min(BUFFER_BYTES_KEPT_MAX, 2 * bytes));
    }
    return this.#buffer.subarray(0, bytes);
  }

  /** After a sync: the segment's first frame is durable, so the next may exist and older ones go. */
  #tidy(): void {
    const { sequence } = this.#end;
    this.#supply.prepare(sequence + 1);
    this.#supply.drop({ index: this.#state.snapshot.index, sequence });
  }
}
