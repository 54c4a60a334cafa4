import {
  WalCorruptError,
  WalForeignFileError,
  WalMissingSegmentError,
  WalTooNewError,
} from "./errors.js";
import { checkFrame, type Frame } from "./frame.js";
import { type LogChange, LogState } from "./log-state.js";
import {
  decodeRecords,
  type EntriesRecord,
  readEntries,
  type SegmentStart,
  START_FRAME_BYTES,
} from "./records.js";
import { type ScanEnd, scanSegment } from "./scan.js";
import {
  type Crc32,
  decodeSegmentHeader,
  FORMAT_VERSION,
  parseSegmentName,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  type SegmentIdentity,
  segmentName,
} from "./segment-format.js";
import type { HardState, LogEntry, LogPosition, WalMetadata } from "./types.js";

/** Bytes at the beginning of a segment that `readSegmentHead` needs. */
export const SEGMENT_HEAD_BYTES = SEGMENT_HEADER_BYTES + START_FRAME_BYTES;

/** A segment's header and, when the segment was begun, the frame that begins it. */
export interface SegmentHead {
  readonly file: string;
  /** Size of the file. */
  readonly fileBytes: number;
  readonly header: SegmentHeader;
  readonly identity: SegmentIdentity;
  /** Null in a segment that was made ahead and never written to, or whose first write was torn. */
  readonly begun: {
    readonly start: SegmentStart;
    readonly previous: number;
    readonly checksum: number;
  } | null;
}

/** A segment that holds frames, as recovery leaves it. */
export interface RecoveredSegment {
  readonly file: string;
  readonly sequence: number;
  /** Size of its file. */
  readonly bytes: number;
  /** Highest index of any entry in it, replaced ones too; 0 without entries. */
  readonly maxIndex: number;
}

/** What a log holds. */
export interface RecoveredLog {
  readonly metadata: WalMetadata;
  /** As last written; `commit` may lag behind `snapshot`. */
  readonly hardState: HardState;
  /** What comes before the first of `entries` is held elsewhere. */
  readonly snapshot: LogPosition;
  /** Everything after the snapshot, by index. The payloads are the caller's. */
  readonly entries: readonly LogEntry[];
  readonly last: LogPosition;
  /** An unfinished write that was cut off: nothing in it was ever acknowledged. */
  readonly torn: { readonly file: string; readonly offset: number; readonly bytes: number } | null;
}

/** Where the next segment takes over. */
export interface LogEnd {
  readonly sequence: number;
  readonly offset: number;
  readonly checksum: number;
}

/**
 * Reads a segment's first bytes. Throws `WalForeignFileError`, `WalTooNewError` or `WalCorruptError`
 * when this program did not write the header, or must not read it.
 */
export function readSegmentHead(
  { file, fileBytes }: { readonly file: string; readonly fileBytes: number },
  bytes: Uint8Array,
  crc32: Crc32,
): SegmentHead {
  const outcome = decodeSegmentHeader(bytes, crc32);
  if (outcome.kind === "foreign") {
    throw new WalForeignFileError(file, "it does not begin as a capstan WAL segment");
  }
  if (outcome.kind === "too-new") throw new WalTooNewError(file, outcome.version, FORMAT_VERSION);
  if (outcome.kind === "damaged") {
    throw new WalCorruptError({ file, offset: 0 }, "a segment header with its checksum");
  }
  const { header, identity } = outcome;
  if (parseSegmentName(file) !== header.sequence) {
    const named = `a segment named ${segmentName(header.sequence)}`;
    throw new WalCorruptError({ file, offset: 16 }, named);
  }
  const check = checkFrame(bytes, SEGMENT_HEADER_BYTES, { identity, crc32 });
  if (!check.ok) return { file, fileBytes, header, identity, begun: null };
  const { body, previous, checksum } = check.frame;
  const record = decodeRecords(body)?.[0];
  if (record?.kind !== "segmentStart") {
    throw new WalCorruptError({ file, offset: SEGMENT_HEADER_BYTES }, "the record of a start");
  }
  const begun = { start: record.start, previous, checksum };
  return { file, fileBytes, header, identity, begun };
}

/**
 * Checks that segments in order of their sequence are one log without a gap, and that only the last
 * may be one that was never begun: the next is made only after a segment's first frame is synced.
 */
export function checkSequence(heads: readonly SegmentHead[]): void {
  let before: SegmentHead | undefined;
  for (const head of heads) {
    if (before !== undefined) checkNeighbours(before, head);
    before = head;
  }
  const first = heads[0];
  if (first !== undefined && first.header.sequence > 1 && first.begun === null) {
    const missing = segmentName(first.header.sequence - 1);
    throw new WalMissingSegmentError(missing, `${first.file} is empty and follows it`);
  }
}

function checkNeighbours(before: SegmentHead, head: SegmentHead): void {
  const { file, header } = head;
  if (header.sequence !== before.header.sequence + 1) {
    const missing = segmentName(before.header.sequence + 1);
    throw new WalMissingSegmentError(missing, `${before.file} and ${file} are there`);
  }
  const { clusterId, memberId } = before.header;
  if (header.clusterId !== clusterId || header.memberId !== memberId) {
    throw new WalForeignFileError(file, `it is another member's than ${before.file}`);
  }
  if (before.begun === null) {
    const place = { file: before.file, offset: SEGMENT_HEADER_BYTES };
    throw new WalCorruptError(place, `the frame that begins the segment, as ${file} is there`);
  }
}

/** How much of a segment `Replay` needs: all of the last one, where a later frame may be a witness. */
export function neededBytes(head: SegmentHead, next: SegmentHead | null): number {
  return next?.begun ? Math.min(next.begun.start.previousEnd, head.fileBytes) : head.fileBytes;
}

/**
 * Replays a log's segments, one after the other. Pure: the caller reads the bytes. Throws
 * `WalCorruptError` and `WalMissingSegmentError`; what it accepts is exactly what was acknowledged,
 * and possibly more of what was written last.
 */
export class Replay {
  readonly #crc32: Crc32;
  readonly #state = new LogState();
  readonly #segments: RecoveredSegment[] = [];
  #metadata: WalMetadata | null = null;
  /** Runs that hold entries after the snapshot, ascending; a later one may cut into the last. */
  #held: HeldRun[] = [];
  #end: LogEnd = { sequence: 0, offset: 0, checksum: 0 };
  #torn: RecoveredLog["torn"] = null;

  constructor(crc32: Crc32) {
    this.#crc32 = crc32;
  }

  /** The segments that hold frames, oldest first. */
  get segments(): readonly RecoveredSegment[] {
    return this.#segments;
  }

  /** Where the next segment takes over. */
  get end(): LogEnd {
    return this.#end;
  }

  /** The log without payloads, for the writer to go on with. */
  get state(): LogState {
    return this.#state;
  }

  /**
   * Takes the next segment: its `neededBytes`, or all there are, and the head of the one after it
   * when there is one.
   */
  add(head: SegmentHead, bytes: Uint8Array, next: SegmentHead | null): void {
    const { file, header, identity, begun } = head;
    this.#metadata ??= { clusterId: header.clusterId, memberId: header.memberId };
    const source = { bytes, identity, crc32: this.#crc32 };
    if (begun === null) {
      // Nothing vouches for its first frame: what is there was never acknowledged.
      const nothing = { from: SEGMENT_HEADER_BYTES, previous: 0, until: null };
      this.#noteTorn(
        file,
        scanSegment({ ...source, ...nothing }, () => {}),
      );
      return;
    }
    this.#takeStart(file, begun);
    let maxIndex = 0;
    const from = SEGMENT_HEADER_BYTES + START_FRAME_BYTES;
    const until = next?.begun
      ? { end: next.begun.start.previousEnd, checksum: next.begun.previous }
      : null;
    const scan = scanSegment({ ...source, from, previous: begun.checksum, until }, (frame) => {
      maxIndex = Math.max(maxIndex, this.#takeFrame(file, frame));
    });
    const { offset, checksum } = this.#noteTorn(file, scan);
    this.#segments.push({ file, sequence: header.sequence, bytes: head.fileBytes, maxIndex });
    this.#end = { sequence: header.sequence, offset, checksum };
  }

  /** What the log holds, after its last segment. */
  finish(): RecoveredLog {
    const { snapshot, last, hardState } = this.#state;
    const first = this.#held[0]?.record.run.index ?? last.index + 1;
    if (first > snapshot.index + 1) {
      const missing = `entries ${snapshot.index + 1} to ${first - 1} are in no segment`;
      const oldest = this.#segments[0]?.sequence ?? 1;
      throw new WalMissingSegmentError(segmentName(oldest - 1), missing);
    }
    const metadata = this.#metadata ?? { clusterId: 0n, memberId: 0n };
    const entries = entriesOf(this.#held, snapshot.index);
    return { metadata, hardState, snapshot, entries, last, torn: this.#torn };
  }

  #noteTorn(file: string, scan: ScanEnd): Extract<ScanEnd, { kind: "end" }> {
    if (scan.kind === "damage") {
      throw new WalCorruptError({ file, offset: scan.offset }, scan.expected);
    }
    const { offset, tornBytes } = scan;
    if (tornBytes > 0) this.#torn = { file, offset, bytes: tornBytes };
    return scan;
  }

  /** The first segment's start is where replay begins; every later one must agree with the replay. */
  #takeStart(file: string, begun: NonNullable<SegmentHead["begun"]>): void {
    const { start } = begun;
    const place = { file, offset: SEGMENT_HEADER_BYTES };
    if (this.#segments.length === 0) {
      this.#state.resume(start);
      return;
    }
    const { last, snapshot, hardState } = this.#state;
    const agrees =
      samePosition(start.last, last) &&
      samePosition(start.snapshot, snapshot) &&
      start.hardState.term === hardState.term &&
      start.hardState.vote === hardState.vote &&
      start.hardState.commit === hardState.commit;
    if (!agrees) throw new WalCorruptError(place, `a start at entry ${last.index}`);
  }

  /** Returns the highest index of the frame's entries. */
  #takeFrame(file: string, frame: Frame): number {
    const place = { file, offset: frame.offset };
    const records = decodeRecords(frame.body);
    if (records === null) throw new WalCorruptError(place, "records of this format");
    let maxIndex = 0;
    for (const record of records) {
      if (record.kind === "segmentStart") throw new WalCorruptError(place, "no second start");
      const change: LogChange = {
        runs: record.kind === "entries" ? [record.run] : [],
        hardState: record.kind === "hardState" ? record.hardState : undefined,
        snapshot: record.kind === "snapshot" ? record.position : undefined,
      };
      const problem = this.#state.problemWith(change);
      if (problem !== null) throw new WalCorruptError(place, problem);
      if (this.#state.apply(change)) this.#held = [];
      if (record.kind === "snapshot") this.#forget();
      if (record.kind === "entries") maxIndex = Math.max(maxIndex, this.#hold(record));
    }
    return maxIndex;
  }

  /** An entry at or below the last replaces it and all that follow. Returns the last one's index. */
  #hold(record: EntriesRecord): number {
    const { index, count } = record.run;
    const held = this.#held;
    while (held.length > 0 && held[held.length - 1]!.record.run.index >= index) held.pop();
    const before = held[held.length - 1];
    if (before !== undefined)
      before.count = Math.min(before.count, index - before.record.run.index);
    held.push({ record, count });
    return index + count - 1;
  }

  #forget(): void {
    const { index } = this.#state.snapshot;
    const covered = this.#held.findIndex(
      ({ record, count }) => record.run.index + count > index + 1,
    );
    this.#held.splice(0, covered < 0 ? this.#held.length : covered);
  }
}

/** A run, and how many of its entries were not replaced. */
interface HeldRun {
  readonly record: EntriesRecord;
  count: number;
}

/** Decoded last, when it is known what is wanted: a log may hold many entries that are not. */
function entriesOf(held: readonly HeldRun[], after: number): LogEntry[] {
  const entries: LogEntry[] = [];
  for (const { record, count } of held) {
    for (const entry of readEntries(record)) {
      if (entry.index > after && entry.index < record.run.index + count) entries.push(entry);
    }
  }
  return entries;
}

function samePosition(a: LogPosition, b: LogPosition): boolean {
  return a.index === b.index && a.term === b.term;
}
