import { assert } from "../shared/assert.js";
import { isDiskFull } from "./disk.js";
import type { ReadySegment, SegmentFiles } from "./segment-files.js";
import type { WalMetadata } from "./types.js";

/** A segment that is not written any more. */
export interface ClosedSegment {
  readonly sequence: number;
  /** Size of its file. */
  readonly bytes: number;
  /** Highest index of any entry in it. */
  readonly maxIndex: number;
}

/** What a supply works with. */
export interface SegmentSupplyOptions {
  readonly files: SegmentFiles;
  readonly metadata: WalMetadata;
  /** Oldest first. */
  readonly closed: readonly ClosedSegment[];
  readonly next: ReadySegment;
  /** Told of the first failure in the background. The log ends with it. */
  readonly onFailure: (cause: unknown) => void;
  readonly warn: (message: string, cause: unknown) => void;
}

/**
 * Makes the next segment ahead of its need and drops those that are not needed, in the background and
 * one step at a time, so that neither waits in an append's way.
 */
export class SegmentSupply {
  readonly #options: SegmentSupplyOptions;
  readonly #closed: ClosedSegment[];
  #next: ReadySegment | null;
  /** Sequence that the next segment has to have; null while it must not exist. */
  #wanted: number | null;
  #dropIndex = 0;
  #dropBefore = 0;
  #work: Promise<void> | null = null;
  #isStopped = false;
  /** No space for the next segment: not tried again before something was dropped or it is needed. */
  #isBlocked = false;

  constructor(options: SegmentSupplyOptions) {
    this.#options = options;
    this.#closed = [...options.closed];
    this.#next = options.next;
    this.#wanted = options.next.sequence;
  }

  /** Adds the segment that was written last. */
  retire(segment: ClosedSegment): void {
    this.#closed.push(segment);
  }

  /** Highest index of any entry in all but the newest `count` segments; 0 when there are no others. */
  lastIndexBeyond(count: number): number {
    const older = this.#closed.slice(0, Math.max(0, this.#closed.length - count));
    return older.reduce((highest, { maxIndex }) => Math.max(highest, maxIndex), 0);
  }

  /**
   * Lets go, in the background, of leading segments without an entry above `index` that come before
   * segment `sequence`: the one whose start, durable by now, stands for all that they held.
   */
  drop(through: { readonly index: number; readonly sequence: number }): void {
    this.#dropIndex = Math.max(this.#dropIndex, through.index);
    this.#dropBefore = Math.max(this.#dropBefore, through.sequence);
    this.#start();
  }

  /**
   * Makes segment `sequence` in the background, when it is not there. Only once the first frame of
   * the segment before it is durable: that it exists proves that frame to recovery.
   */
  prepare(sequence: number): void {
    this.#wanted = sequence;
    this.#start();
  }

  /** Segment `sequence`, made now when the background could not. Rejects when the disk cannot. */
  async take(sequence: number): Promise<ReadySegment> {
    await this.settle();
    const { files, metadata } = this.#options;
    const ready = this.#next ?? (await files.make(sequence, metadata));
    assert(ready.sequence === sequence, "the next segment is not the one that follows", {
      sequence,
      ready: ready.sequence,
    });
    this.#next = null;
    this.#wanted = null;
    this.#isBlocked = false;
    return ready;
  }

  /** Resolves when nothing is under way in the background. Never rejects. */
  async settle(): Promise<void> {
    while (this.#work !== null) await this.#work;
  }

  /** Ends the work and closes the segment that was made ahead. */
  async close(): Promise<void> {
    this.#isStopped = true;
    await this.settle();
    await this.#next?.file.close();
    this.#next = null;
  }

  #start(): void {
    if (this.#work !== null || this.#isStopped || !this.#hasWork()) return;
    this.#work = this.#run().finally(() => {
      this.#work = null;
    });
  }

  #hasWork(): boolean {
    return this.#droppable() !== undefined || this.#lacksNext();
  }

  async #run(): Promise<void> {
    try {
      while (!this.#isStopped && this.#hasWork()) {
        const oldest = this.#droppable();
        if (oldest === undefined) await this.#makeNext();
        else await this.#drop(oldest);
      }
    } catch (error) {
      this.#isStopped = true;
      this.#options.onFailure(error);
    }
  }

  #lacksNext(): boolean {
    return this.#next === null && this.#wanted !== null && !this.#isBlocked;
  }

  #droppable(): ClosedSegment | undefined {
    const oldest = this.#closed[0];
    if (oldest === undefined || oldest.sequence >= this.#dropBefore) return undefined;
    return oldest.maxIndex <= this.#dropIndex ? oldest : undefined;
  }

  async #makeNext(): Promise<void> {
    if (this.#wanted === null) return;
    try {
      this.#next = await this.#options.files.make(this.#wanted, this.#options.metadata);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      this.#isBlocked = true;
      this.#options.warn("no space to make the next WAL segment ahead of time", error);
    }
  }

  async #drop(oldest: ClosedSegment): Promise<void> {
    await this.#options.files.drop(oldest.sequence, oldest.bytes);
    this.#closed.shift();
    this.#isBlocked = false;
  }
}
