import { createHash } from "node:crypto";
import { MIB } from "../limits.js";
import type { BaseSnapshot } from "../mvcc/base/base-snapshot.js";
import { LmdbBaseReader } from "../mvcc/base/lmdb-base-reader.js";
import { MetaRow, TABLE_NAMES, type TableName } from "../mvcc/base/store-format.js";
import {
  END_BODY_BYTES,
  encodeFrame,
  encodeSnapshotHeader,
  FrameKind,
  ROW_HEADER_BYTES,
  type SnapshotHeader,
  tableNumber,
} from "./snapshot-format.js";

/** Largest piece that `next` gives. */
export const PIECE_BYTES_MAX = MIB;
/** Rows are gathered up to this: a few milliseconds of reading. */
const FRAME_BYTES = MIB / 2;
/** Rows of one frame at most: many small ones take longer than their bytes say. */
const FRAME_ROWS_MAX = 2048;
/** The member that the store belongs to: each member's own. */
const IDENTITY_ROW = `${MetaRow.value}identity`;
const EMPTY = new Uint8Array(0);

/**
 * A store's rows as a stream (format: README). Everything is of one LMDB snapshot, which is held until
 * `close`; the writer goes on meanwhile. Rows are verified as they are read: StoreCorruptError when one is
 * damaged.
 */
export class StoreExport {
  readonly header: SnapshotHeader;
  readonly #reader: LmdbBaseReader;
  readonly #snapshot: BaseSnapshot;
  readonly #frames: Generator<Buffer, void, undefined>;
  readonly #digest = createHash("sha256");
  #rest: Buffer = Buffer.alloc(0);
  #frameNumber = 0;
  #rows = 0;

  private constructor(reader: LmdbBaseReader, clusterId: bigint) {
    this.#reader = reader;
    this.#snapshot = reader.pinNewest();
    reader.rest();
    const { appliedIndex, appliedTerm } = this.#snapshot.state;
    this.header = { clusterId, index: appliedIndex, term: appliedTerm };
    this.#frames = this.#allFrames();
  }

  /** Opens the store that this process's apply worker writes. Each thread opens its own. */
  static open(storeDirectory: string, clusterId: bigint): StoreExport {
    return new StoreExport(LmdbBaseReader.open(storeDirectory), clusterId);
  }

  /** The next piece, at most PIECE_BYTES_MAX; undefined at the end. The bytes are the caller's. */
  next(): Buffer | undefined {
    if (this.#rest.length === 0) {
      const frame = this.#frames.next();
      if (frame.done) return undefined;
      this.#rest = frame.value;
    }
    const piece = this.#rest.subarray(0, PIECE_BYTES_MAX);
    this.#rest = this.#rest.subarray(piece.length);
    return piece;
  }

  /** Gives the snapshot and the handle back. */
  async close(): Promise<void> {
    this.#frames.return();
    this.#snapshot.release();
    await this.#reader.close();
  }

  *#allFrames(): Generator<Buffer, void, undefined> {
    yield this.#frame(FrameKind.header, 0, [encodeSnapshotHeader(this.header)]);
    for (const name of TABLE_NAMES) yield* this.#tableFrames(name);
    const end = Buffer.alloc(END_BODY_BYTES);
    end.writeBigUInt64LE(BigInt(this.#rows), 0);
    this.#digest.digest().copy(end, 8);
    yield encodeFrame({ kind: FrameKind.end, table: 0, number: this.#frameNumber }, [end]);
  }

  *#tableFrames(name: TableName): Generator<Buffer, void, undefined> {
    // The format row before it is each member's own, and has no checksum.
    let start: Uint8Array | undefined = name === "meta" ? MetaRow.state : EMPTY;
    while (start !== undefined) {
      const { parts, next } = this.#gather(name, start);
      if (parts.length > 0) yield this.#frame(FrameKind.rows, tableNumber(name), parts);
      start = next;
    }
  }

  /** A frame's worth of rows from a key on. `next` is where the following one begins. */
  #gather(
    name: TableName,
    start: Uint8Array,
  ): { parts: Uint8Array[]; next: Uint8Array | undefined } {
    const parts: Uint8Array[] = [];
    let bytes = 0;
    for (const { row, value } of this.#snapshot.rows.values(name, { start })) {
      const size = ROW_HEADER_BYTES + row.length + value.length;
      // A large row travels alone.
      if (bytes > 0 && (bytes + size > FRAME_BYTES || parts.length >= 3 * FRAME_ROWS_MAX)) {
        return { parts, next: row };
      }
      if (name === "meta" && Buffer.from(row).toString() === IDENTITY_ROW) continue;
      const lengths = Buffer.allocUnsafe(ROW_HEADER_BYTES);
      lengths.writeUInt32LE(row.length, 0);
      lengths.writeUInt32LE(value.length, 4);
      parts.push(lengths, row, value);
      bytes += size;
      this.#rows += 1;
    }
    return { parts, next: undefined };
  }

  #frame(kind: FrameKind, table: number, parts: readonly Uint8Array[]): Buffer {
    const frame = encodeFrame({ kind, table, number: this.#frameNumber }, parts);
    this.#frameNumber += 1;
    this.#digest.update(frame);
    return frame;
  }
}
