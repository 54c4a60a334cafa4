import { createHash } from "node:crypto";
import { TABLE_NAMES } from "../mvcc/base/store-format.js";
import {
  decodeSnapshotHeader,
  END_BODY_BYTES,
  FRAME_BODY_BYTES_MAX,
  FRAME_HEADER_BYTES,
  type FrameHeader,
  FrameKind,
  frameChecksum,
  ROW_HEADER_BYTES,
  readFrameHeader,
  SnapshotError,
  type SnapshotHeader,
} from "./snapshot-format.js";

/** A frame of rows that was verified. */
export interface VerifiedRows {
  /** By its place in TABLE_NAMES. */
  readonly table: number;
  /** Key and value by turns: views of the frame. */
  readonly rows: readonly Uint8Array[];
}

/** Sees each frame of rows once it is verified, before the snapshot as a whole is. */
export type RowsVisitor = (frame: VerifiedRows) => void;

/**
 * Verifies a snapshot as it comes in, in pieces of any size; holds one frame at most. Whatever is wrong is
 * thrown as SnapshotError, and nothing may be given to it afterwards.
 */
export class SnapshotVerifier {
  readonly #clusterId: bigint;
  readonly #onRows: RowsVisitor | undefined;
  readonly #digest = createHash("sha256");
  #pieces: Buffer[] = [];
  #bytes = 0;
  /** Bytes of the frame that is coming in; its header's alone until that is there. */
  #wanted = FRAME_HEADER_BYTES;
  #header: SnapshotHeader | undefined;
  #frames = 0;
  #table = 0;
  #rows = 0;
  #isComplete = false;

  /** `clusterId` is that of the cluster whose snapshot is awaited. */
  constructor(clusterId: bigint, onRows?: RowsVisitor) {
    this.#clusterId = clusterId;
    this.#onRows = onRows;
  }

  /** What the snapshot is of, as soon as that has come in. */
  get header(): SnapshotHeader | undefined {
    return this.#header;
  }

  /** Whether everything has come in and was right. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Takes the next bytes. They are copied where they must be kept. */
  push(piece: Uint8Array): void {
    let rest = Buffer.from(piece.buffer, piece.byteOffset, piece.length);
    while (rest.length > 0) {
      if (this.#isComplete) throw new SnapshotError("bytes behind the snapshot's end");
      const taken = rest.subarray(0, this.#wanted - this.#bytes);
      rest = rest.subarray(taken.length);
      this.#bytes += taken.length;
      // What is kept is a copy: the piece is the caller's. The last one of a frame is joined at once.
      const isLast = this.#bytes === this.#wanted && this.#pieces.length > 0;
      this.#pieces.push(isLast ? taken : Buffer.from(taken));
      if (this.#bytes === this.#wanted) this.#advance();
    }
  }

  /** The header of a snapshot that is complete; SnapshotError when it is not. */
  finish(): SnapshotHeader {
    if (!this.#isComplete || this.#header === undefined) {
      throw new SnapshotError(`snapshot ends in frame ${this.#frames}`);
    }
    return this.#header;
  }

  #advance(): void {
    const bytes = this.#pieces.length === 1 ? this.#pieces[0] : Buffer.concat(this.#pieces);
    if (bytes === undefined) return;
    const header = readFrameHeader(bytes);
    this.#pieces = [bytes];
    if (this.#wanted === FRAME_HEADER_BYTES) {
      if (header.bodyBytes > FRAME_BODY_BYTES_MAX) throw this.#error("has an impossible size");
      this.#wanted += header.bodyBytes;
      if (header.bodyBytes > 0) return;
    }
    this.#pieces = [];
    this.#bytes = 0;
    this.#wanted = FRAME_HEADER_BYTES;
    this.#onFrame(header, bytes);
  }

  #onFrame(header: FrameHeader, frame: Buffer): void {
    if (header.checksum !== frameChecksum(frame)) throw this.#error("does not check out");
    if (header.number !== this.#frames) throw this.#error("is out of place");
    const body = frame.subarray(FRAME_HEADER_BYTES);
    const isFirst = this.#frames === 0;
    if (isFirst !== (header.kind === FrameKind.header)) throw this.#error("is out of place");
    if (header.kind === FrameKind.end) {
      this.#onEnd(body);
      return;
    }
    this.#digest.update(frame);
    if (header.kind === FrameKind.header) this.#onHeader(body);
    else if (header.kind === FrameKind.rows) this.#onRowsFrame(header.table, body);
    else throw this.#error("is of an unknown kind");
    this.#frames += 1;
  }

  #onHeader(body: Buffer): void {
    const header = decodeSnapshotHeader(body);
    if (header.clusterId !== this.#clusterId) {
      throw new SnapshotError(
        `snapshot of cluster ${header.clusterId.toString(16)}, not ${this.#clusterId.toString(16)}`,
      );
    }
    this.#header = header;
  }

  #onRowsFrame(table: number, body: Buffer): void {
    if (table < this.#table || table >= TABLE_NAMES.length) throw this.#error("is out of place");
    this.#table = table;
    const rows: Uint8Array[] = [];
    for (let offset = 0; offset < body.length; ) {
      if (offset + ROW_HEADER_BYTES > body.length) throw this.#error("is cut short");
      const keyEnd = offset + ROW_HEADER_BYTES + body.readUInt32LE(offset);
      const end = keyEnd + body.readUInt32LE(offset + 4);
      if (end > body.length) throw this.#error("is cut short");
      rows.push(body.subarray(offset + ROW_HEADER_BYTES, keyEnd), body.subarray(keyEnd, end));
      offset = end;
    }
    this.#rows += rows.length / 2;
    this.#onRows?.({ table, rows });
  }

  #onEnd(body: Buffer): void {
    const isRight =
      body.length === END_BODY_BYTES &&
      body.readBigUInt64LE(0) === BigInt(this.#rows) &&
      body.subarray(8).equals(this.#digest.digest());
    if (!isRight) throw this.#error("says that something is missing");
    this.#isComplete = true;
  }

  #error(what: string): SnapshotError {
    return new SnapshotError(`snapshot damaged: frame ${this.#frames} ${what}`);
  }
}
