import { assert } from "../shared/assert.js";
import { FRAME_HEADER_BYTES, readIndex, writeIndex } from "./frame.js";
import type { EntryRun, HardState, LogEntry, LogPosition, WalBatch } from "./types.js";

/** Kinds of records. Stored: never reuse a number. */
export const RecordType = { entries: 1, hardState: 2, snapshot: 3, segmentStart: 4 } as const;

const ENTRIES_HEADER_BYTES = 24;
const HARD_STATE_BYTES = 32;
const SNAPSHOT_BYTES = 24;
const START_BYTES = 64;

/** Bytes of the frame that begins a segment: a fixed size, so that it can be read by itself. */
export const START_FRAME_BYTES = FRAME_HEADER_BYTES + START_BYTES;

/** How a segment takes over from the one before it: all that older segments are needed for. */
export interface SegmentStart {
  /** Where the segment before it ends; bytes after that were never acknowledged. 0 in the first. */
  readonly previousEnd: number;
  readonly last: LogPosition;
  readonly snapshot: LogPosition;
  readonly hardState: HardState;
}

/** A run of entries as it is stored: decoded by `readEntries` once it is known to be wanted. */
export interface EntriesRecord {
  readonly kind: "entries";
  readonly run: EntryRun;
  /** `count` lengths, u32; a view of the body. */
  readonly lengths: Uint8Array;
  /** The payloads, one after the other; a view of the body. */
  readonly payloads: Uint8Array;
}

/** One record of a frame's body. */
export type WalRecord =
  | EntriesRecord
  | { readonly kind: "hardState"; readonly hardState: HardState }
  | { readonly kind: "snapshot"; readonly position: LogPosition }
  | { readonly kind: "segmentStart"; readonly start: SegmentStart };

/** Splits entries where the term changes, or the index does not follow. */
export function entryRuns(entries: readonly LogEntry[]): EntryRun[] {
  const runs: EntryRun[] = [];
  for (let from = 0; from < entries.length; ) {
    const { index, term } = entries[from]!;
    let count = 1;
    while (
      from + count < entries.length &&
      entries[from + count]!.term === term &&
      entries[from + count]!.index === index + count
    ) {
      count++;
    }
    runs.push({ index, term, count });
    from += count;
  }
  return runs;
}

/** Bytes of the whole frame that `encodeBatch` fills. `runs` are those of the batch's entries. */
export function batchFrameBytes(batch: WalBatch, runs: readonly EntryRun[]): number {
  let bytes = FRAME_HEADER_BYTES;
  if (batch.snapshot !== undefined) bytes += SNAPSHOT_BYTES;
  if (batch.hardState !== undefined) bytes += HARD_STATE_BYTES;
  let from = 0;
  for (const { count } of runs) {
    let run = ENTRIES_HEADER_BYTES + 4 * count;
    for (let i = from; i < from + count; i++) run += batch.entries[i]!.payload.length;
    bytes += align8(run);
    from += count;
  }
  return bytes;
}

/**
 * Fills the body of a frame (after its 32 header bytes) with a batch: snapshot, runs of entries, hard
 * state. `bytes` is exactly `batchFrameBytes` long. Records, little endian:
 *
 *     entries    | 1 u32 | count u32 | first index u64 | term u64 | count x length u32 | payloads | 0..7 |
 *     hard state | 2 u32 | 0 u32     | term u64  | commit u64 | vote u64 |
 *     snapshot   | 3 u32 | 0 u32     | index u64 | term u64   |
 */
export function encodeBatch(bytes: Uint8Array, batch: WalBatch, runs: readonly EntryRun[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let at = FRAME_HEADER_BYTES;
  if (batch.snapshot !== undefined) {
    writeTag(view, at, RecordType.snapshot);
    writePosition(view, at + 8, batch.snapshot);
    at += SNAPSHOT_BYTES;
  }
  let from = 0;
  for (const run of runs) {
    at = writeRun(bytes, view, at, { run, entries: batch.entries, from });
    from += run.count;
  }
  if (batch.hardState !== undefined) {
    writeTag(view, at, RecordType.hardState);
    writeHardState(view, at + 8, batch.hardState);
    at += HARD_STATE_BYTES;
  }
  assert(at === bytes.length, "frame was not measured right", { at, bytes: bytes.length });
}

/**
 * Fills the body of the frame that begins a segment:
 *
 *     | 4 u32 | previous end u32 | last index u64 | last term u64 | snapshot index u64 |
 *     | snapshot term u64 | hard state: term u64 | commit u64 | vote u64 |
 */
export function encodeStart(bytes: Uint8Array, start: SegmentStart): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const at = FRAME_HEADER_BYTES;
  view.setUint32(at, RecordType.segmentStart, true);
  view.setUint32(at + 4, start.previousEnd, true);
  writePosition(view, at + 8, start.last);
  writePosition(view, at + 24, start.snapshot);
  writeHardState(view, at + 40, start.hardState);
}

/** Takes a frame's body apart; null when it is not made of whole records that we know. */
export function decodeRecords(body: Uint8Array): WalRecord[] | null {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const records: WalRecord[] = [];
  for (let at = 0; at < body.length; ) {
    const found = at + 8 <= body.length ? decodeRecord(body, view, at) : null;
    if (found === null) return null;
    records.push(found.record);
    at = found.end;
  }
  return records;
}

/** The entries of a record. Their payloads share one copy: nothing keeps the frame alive. */
export function readEntries(record: EntriesRecord): LogEntry[] {
  const { run, lengths } = record;
  const payloads = record.payloads.slice();
  const view = new DataView(lengths.buffer, lengths.byteOffset, lengths.length);
  const entries: LogEntry[] = [];
  let from = 0;
  for (let i = 0; i < run.count; i++) {
    const to = from + view.getUint32(4 * i, true);
    entries.push({ index: run.index + i, term: run.term, payload: payloads.subarray(from, to) });
    from = to;
  }
  return entries;
}

interface Decoded {
  readonly record: WalRecord;
  readonly end: number;
}

function decodeRecord(body: Uint8Array, view: DataView, at: number): Decoded | null {
  const room = body.length - at;
  const type = view.getUint32(at, true);
  if (type === RecordType.entries && room >= ENTRIES_HEADER_BYTES) return readRun(body, view, at);
  if (type === RecordType.hardState && room >= HARD_STATE_BYTES) {
    const hardState = readHardState(view, at + 8);
    return hardState && { record: { kind: "hardState", hardState }, end: at + HARD_STATE_BYTES };
  }
  if (type === RecordType.snapshot && room >= SNAPSHOT_BYTES) {
    const position = readPosition(view, at + 8);
    return position && { record: { kind: "snapshot", position }, end: at + SNAPSHOT_BYTES };
  }
  if (type === RecordType.segmentStart && room >= START_BYTES) return readStart(view, at);
  return null;
}

function readStart(view: DataView, at: number): Decoded | null {
  const last = readPosition(view, at + 8);
  const snapshot = readPosition(view, at + 24);
  const hardState = readHardState(view, at + 40);
  if (last === null || snapshot === null || hardState === null) return null;
  const start = { previousEnd: view.getUint32(at + 4, true), last, snapshot, hardState };
  return { record: { kind: "segmentStart", start }, end: at + START_BYTES };
}

function writeRun(
  bytes: Uint8Array,
  view: DataView,
  at: number,
  source: { readonly run: EntryRun; readonly entries: readonly LogEntry[]; readonly from: number },
): number {
  const { run, entries, from } = source;
  view.setUint32(at, RecordType.entries, true);
  view.setUint32(at + 4, run.count, true);
  writePosition(view, at + 8, run);
  let lengthAt = at + ENTRIES_HEADER_BYTES;
  let payloadAt = lengthAt + 4 * run.count;
  for (let i = from; i < from + run.count; i++) {
    const { payload } = entries[i]!;
    view.setUint32(lengthAt, payload.length, true);
    bytes.set(payload, payloadAt);
    lengthAt += 4;
    payloadAt += payload.length;
  }
  const end = at + align8(payloadAt - at);
  // The buffer is reused: an older batch's bytes would otherwise go to disk as padding.
  bytes.fill(0, payloadAt, end);
  return end;
}

function readRun(body: Uint8Array, view: DataView, at: number): Decoded | null {
  const count = view.getUint32(at + 4, true);
  const first = readPosition(view, at + 8);
  const lengthsAt = at + ENTRIES_HEADER_BYTES;
  const payloadsAt = lengthsAt + 4 * count;
  if (first === null || count === 0 || payloadsAt > body.length) return null;
  if (!Number.isSafeInteger(first.index + count)) return null;
  let payloadsEnd = payloadsAt;
  for (let i = 0; i < count; i++) payloadsEnd += view.getUint32(lengthsAt + 4 * i, true);
  const end = at + align8(payloadsEnd - at);
  if (end > body.length) return null;
  const record: EntriesRecord = {
    kind: "entries",
    run: { ...first, count },
    lengths: body.subarray(lengthsAt, payloadsAt),
    payloads: body.subarray(payloadsAt, payloadsEnd),
  };
  return { record, end };
}

function writeTag(view: DataView, at: number, type: number): void {
  view.setUint32(at, type, true);
  view.setUint32(at + 4, 0, true);
}

function writePosition(view: DataView, at: number, position: LogPosition): void {
  writeIndex(view, at, position.index);
  writeIndex(view, at + 8, position.term);
}

function readPosition(view: DataView, at: number): LogPosition | null {
  const index = readIndex(view, at);
  const term = readIndex(view, at + 8);
  return index === null || term === null ? null : { index, term };
}

function writeHardState(view: DataView, at: number, hardState: HardState): void {
  writeIndex(view, at, hardState.term);
  writeIndex(view, at + 8, hardState.commit);
  view.setBigUint64(at + 16, hardState.vote, true);
}

function readHardState(view: DataView, at: number): HardState | null {
  const term = readIndex(view, at);
  const commit = readIndex(view, at + 8);
  if (term === null || commit === null) return null;
  return { term, commit, vote: view.getBigUint64(at + 16, true) };
}

function align8(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}
