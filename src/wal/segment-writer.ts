import type { ReadySegment } from "./segment-files.js";
import { SEGMENT_HEADER_BYTES, type SegmentIdentity } from "./segment-format.js";

/** Sizes that a log is run with. */
export interface SegmentSizes {
  /** Size at which a log goes on in its next segment. */
  readonly segmentBytes: number;
  /** Zeros written ahead in a new file: its size and blocks change once for this many bytes. */
  readonly allocationBytes: number;
}

/** The segment that is being written, at its end. */
export class SegmentWriter {
  readonly sequence: number;
  readonly identity: SegmentIdentity;
  readonly #segment: ReadySegment;
  readonly #sizes: SegmentSizes;
  readonly #zeros: Uint8Array;
  #allocatedBytes: number;
  #position = SEGMENT_HEADER_BYTES;
  #syncedThrough = SEGMENT_HEADER_BYTES;

  constructor(segment: ReadySegment, sizes: SegmentSizes, zeros: Uint8Array) {
    this.sequence = segment.sequence;
    this.identity = segment.identity;
    this.#segment = segment;
    this.#sizes = sizes;
    this.#zeros = zeros;
    this.#allocatedBytes = segment.allocatedBytes;
  }

  /** Where the next frame goes. */
  get position(): number {
    return this.#position;
  }

  /** Position below which everything is on stable storage. */
  get syncedThrough(): number {
    return this.#syncedThrough;
  }

  /** Size of the file. */
  get allocatedBytes(): number {
    return this.#allocatedBytes;
  }

  /** True when this many bytes more stay within a segment's size. */
  hasRoomFor(bytes: number): boolean {
    return this.#position + bytes <= this.#sizes.segmentBytes;
  }

  /** Writes whole frames at the end; with `sync`, everything so far is durable when it resolves. */
  async write(frames: Uint8Array, sync: boolean): Promise<void> {
    const { file } = this.#segment;
    const end = this.#position + frames.length;
    const chunks = [frames];
    const allocated = this.#allocationFor(end);
    if (allocated > end && allocated > this.#allocatedBytes) {
      chunks.push(this.#zeros.subarray(0, allocated - end));
    }
    if (!sync) {
      await file.write(chunks, this.#position);
    } else if (this.#syncedThrough === this.#position) {
      await file.writeDurably(chunks, this.#position);
    } else {
      await file.write(chunks, this.#position);
      await file.sync();
    }
    this.#allocatedBytes = allocated;
    this.#position = end;
    if (sync) this.#syncedThrough = end;
  }

  /** Makes everything so far durable. */
  async sync(): Promise<void> {
    if (this.#syncedThrough === this.#position) return;
    await this.#segment.file.sync();
    this.#syncedThrough = this.#position;
  }

  /** Lets the file go. */
  close(): Promise<void> {
    return this.#segment.file.close();
  }

  /** Size of the file once it holds `end` bytes: grown by whole steps, up to a segment's size. */
  #allocationFor(end: number): number {
    if (end <= this.#allocatedBytes) return this.#allocatedBytes;
    const { segmentBytes, allocationBytes } = this.#sizes;
    const stepped = Math.ceil(end / allocationBytes) * allocationBytes;
    return Math.max(end, Math.min(stepped, segmentBytes));
  }
}
