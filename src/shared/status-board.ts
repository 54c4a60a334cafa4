/**
 * Facts and hot counters that one actor writes and others read at leisure (status answers, /metrics):
 * one 64-bit slot each in a SharedArrayBuffer, one writer per slot.
 */
export const BoardSlot = {
  // written by the Raft worker
  term: 0,
  /** Member id of the leader, 0 when unknown. */
  leaderId: 1,
  commitIndex: 2,
  lastIndex: 3,
  leaderChanges: 4,
  walSyncs: 5,
  walBytes: 6,
  // written by the apply worker
  appliedIndex: 8,
  flushedIndex: 9,
  revision: 10,
  /** Compacted revision plus one: 0 before the first compaction. */
  compactRevisionPlusOne: 11,
  /** Bytes of LMDB's file, and of its pages in use. */
  storeBytes: 12,
  storeBytesInUse: 13,
  deltaBytes: 14,
  putsTotal: 16,
  deletesTotal: 17,
  txnsTotal: 18,
  rangesTotal: 19,
  leasesGranted: 20,
  leasesRevoked: 21,
  leasesRenewed: 22,
  leasesExpired: 23,
  compactedRevisions: 24,
  checkpoints: 25,
  slowApplies: 26,
  /** Raised alarms by type, of all members. */
  noSpaceAlarms: 27,
  corruptAlarms: 28,
  /** 1 while a CORRUPT alarm names this member and leaves the others alone: it serves nothing. */
  corruptHere: 29,
  /** 1 while a CORRUPT alarm stops the writes of all members (MT-26). */
  corruptEverywhere: 30,
} as const;
export type BoardSlot = (typeof BoardSlot)[keyof typeof BoardSlot];

const SLOT_COUNT = 64;

/** The board as one thread sees it. All values are unsigned 64-bit; counters are safe integers. */
export class StatusBoard {
  readonly buffer: SharedArrayBuffer;
  readonly #slots: BigUint64Array;

  /** Wraps a buffer made by another board, or makes one. */
  constructor(buffer = new SharedArrayBuffer(SLOT_COUNT * 8)) {
    this.buffer = buffer;
    this.#slots = new BigUint64Array(buffer);
  }

  /** The raw value, for ids. */
  getId(slot: BoardSlot): bigint {
    return Atomics.load(this.#slots, slot);
  }

  /** Stores an id. */
  setId(slot: BoardSlot, value: bigint): void {
    Atomics.store(this.#slots, slot, value);
  }

  /** A counter, index or size. */
  get(slot: BoardSlot): number {
    return Number(Atomics.load(this.#slots, slot));
  }

  /** Stores a counter, index or size. */
  set(slot: BoardSlot, value: number): void {
    Atomics.store(this.#slots, slot, BigInt(value));
  }

  /** Adds to a counter. */
  add(slot: BoardSlot, amount: number): void {
    Atomics.add(this.#slots, slot, BigInt(amount));
  }
}
