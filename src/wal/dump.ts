import {
  ENTRY_HEADER_BYTES,
  type EntryHeader,
  EntryKind,
  readEntryHeader,
} from "../shared/messages/entry.js";
import { nativeCrc32 } from "./crc32.js";
import { type Disk, hasCode } from "./disk.js";
import { WalMissingSegmentError, WalNotFoundError } from "./errors.js";
import { type Frame, hex } from "./frame.js";
import { decodeRecords, readEntries, type WalRecord } from "./records.js";
import { checkSequence, Replay, readSegmentHead, type SegmentHead } from "./recovery.js";
import { type ScanEnd, scanSegment } from "./scan.js";
import { SegmentFiles } from "./segment-files.js";
import { SEGMENT_HEADER_BYTES } from "./segment-format.js";
import type { HardState, LogEntry, LogPosition } from "./types.js";

/** A log that is being written may be read in the middle of a write: looked at again this often. */
const READS_MAX = 3;

const KIND_NAMES = new Map<number, string>(
  Object.entries(EntryKind).map(([name, kind]) => [kind, name]),
);

/**
 * Prints a log: segments, frames, records, and the first problem. Read-only, and safe beside a server
 * that is writing the log. Returns the exit code: 0, or 1 when there is a problem or no log.
 */
export async function dumpWal(
  disk: Disk,
  directory: string,
  writeLine: (line: string) => void,
): Promise<number> {
  const files = new SegmentFiles({
    disk,
    directory,
    crc32: nativeCrc32,
    drawSalt: () => 0n,
    allocationBytes: 0,
    segmentBytes: 0,
  });
  try {
    const segments = await findSegments(files);
    checkSequence(segments.map(({ head }) => head));
    const replay = new Replay(nativeCrc32);
    for (const [i, segment] of segments.entries()) {
      const next = segments[i + 1]?.head ?? null;
      const found = await readSegment(files, segment, next);
      if (found === null && replay.segments.length === 0) continue;
      if (found === null) throw new WalMissingSegmentError(segment.head.file, "it went away");
      for (const line of found.lines) writeLine(line);
      replay.add(segment.head, found.bytes, next);
    }
    for (const line of summary(replay)) writeLine(line);
    return 0;
  } catch (error) {
    writeLine(`problem: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  }
}

interface Segment {
  readonly head: SegmentHead;
  /** The newest one's bytes, read together with its head: it may be begun at any moment. */
  readonly bytes: Uint8Array | null;
}

/**
 * Newest first, so that what a segment's start says of the one before it is there when that one is
 * read. Segments that the server drops while we look are no problem: they are the oldest.
 */
async function findSegments(files: SegmentFiles): Promise<Segment[]> {
  const names = (await files.listSegments()).reverse();
  const segments: Segment[] = [];
  for (const name of names) {
    try {
      const bytes = segments.length === 0 ? await files.read(name, Number.POSITIVE_INFINITY) : null;
      const head = bytes === null ? await files.readHead(name) : readHeadOf(name, bytes);
      segments.unshift({ head, bytes });
    } catch (error) {
      if (!hasCode(error, "ENOENT")) throw error;
      break;
    }
  }
  if (segments.length === 0) throw new WalNotFoundError(files.directory);
  return segments;
}

function readHeadOf(file: string, bytes: Uint8Array): SegmentHead {
  return readSegmentHead({ file, fileBytes: bytes.length }, bytes, nativeCrc32);
}

/** Null when the segment was dropped meanwhile. */
async function readSegment(
  files: SegmentFiles,
  { head, bytes: captured }: Segment,
  next: SegmentHead | null,
): Promise<{ bytes: Uint8Array; lines: string[] } | null> {
  for (let reads = 1; ; reads++) {
    const isFirst = reads === 1 && captured !== null;
    const bytes = isFirst ? captured : await readOrNull(files, head.file);
    if (bytes === null) return null;
    const lines = [describeSegment(head, bytes.length)];
    const end = scanFrames(head, bytes, { next, lines });
    if (end.kind === "damage" && reads < READS_MAX && head.begun !== null) continue;
    if (end.kind === "end" && end.tornBytes > 0) {
      lines.push(`  torn write at ${end.offset}: ${end.tornBytes} bytes that do not count`);
    }
    return { bytes, lines };
  }
}

async function readOrNull(files: SegmentFiles, name: string): Promise<Uint8Array | null> {
  try {
    return await files.read(name, Number.POSITIVE_INFINITY);
  } catch (error) {
    if (hasCode(error, "ENOENT")) return null;
    throw error;
  }
}

function scanFrames(
  head: SegmentHead,
  bytes: Uint8Array,
  into: { next: SegmentHead | null; lines: string[] },
): ScanEnd {
  const begun = into.next?.begun;
  const until = begun ? { end: begun.start.previousEnd, checksum: begun.previous } : null;
  const source = {
    bytes,
    identity: head.identity,
    crc32: nativeCrc32,
    from: SEGMENT_HEADER_BYTES,
    previous: head.begun?.previous ?? 0,
    until,
  };
  return scanSegment(source, (frame) => describeFrame(frame, into.lines));
}

function describeSegment({ file, header, begun }: SegmentHead, bytes: number): string {
  const ids = `cluster ${header.clusterId.toString(16)} member ${header.memberId.toString(16)}`;
  const ahead = begun === null ? ", not begun" : "";
  return `segment ${file} sequence ${header.sequence} ${ids}: ${bytes} bytes${ahead}`;
}

function describeFrame(frame: Frame, lines: string[]): void {
  const { offset, end, checksum, previous, syncedThrough } = frame;
  lines.push(
    `  frame at ${offset}: ${end - offset} bytes, checksum ${hex(checksum)} after ${hex(previous)}, ` +
      `synced through ${syncedThrough}`,
  );
  const records = decodeRecords(frame.body);
  if (records === null) lines.push("    records of another format");
  for (const record of records ?? []) lines.push(...describeRecord(record));
}

function describeRecord(record: WalRecord): string[] {
  switch (record.kind) {
    case "entries":
      return readEntries(record).map(describeEntry);
    case "hardState":
      return [`    hard state: ${describeHardState(record.hardState)}`];
    case "snapshot":
      return [`    snapshot: ${describePosition(record.position)}`];
    case "segmentStart": {
      const { previousEnd, last, snapshot, hardState } = record.start;
      return [
        `    start: previous segment ends at ${previousEnd}, last entry ${describePosition(last)}, ` +
          `snapshot ${describePosition(snapshot)}, ${describeHardState(hardState)}`,
      ];
    }
  }
}

function describeEntry({ index, term, payload }: LogEntry): string {
  return `    entry ${index} term ${term}: ${payload.length} bytes${describeKind(payload)}`;
}

function describeKind(payload: Uint8Array): string {
  if (payload.length < ENTRY_HEADER_BYTES) return "";
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  const header: EntryHeader = { kind: EntryKind.none, frontend: 0, origin: 0n, requestId: 0 };
  readEntryHeader(view, 0, header);
  return `, ${KIND_NAMES.get(header.kind) ?? `kind ${header.kind}`}`;
}

function describePosition({ index, term }: LogPosition): string {
  return `${index} (term ${term})`;
}

function describeHardState({ term, vote, commit }: HardState): string {
  return `term ${term}, vote ${vote.toString(16)}, commit ${commit}`;
}

function summary(replay: Replay): string[] {
  const { last, snapshot, hardState, entries, torn } = replay.finish();
  const lines = [
    `log: ${entries.length} entries after snapshot ${describePosition(snapshot)}, ` +
      `last ${describePosition(last)}, ${describeHardState(hardState)}`,
  ];
  if (torn !== null) lines.push(`torn write in ${torn.file}: ${torn.bytes} bytes`);
  return lines;
}
