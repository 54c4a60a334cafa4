// Hot file: every applied entry and every change is folded in.
import { crc32 } from "../../shared/mvcc/base/crc32.js";
import { type DeltaRecord, RecordField } from "../../shared/mvcc/delta-record.js";

/** Odd constants with evenly spread bits, one pair per lane. */
const LOW_IN = 0xcc9e_2d51 | 0;
const LOW_OUT = 0x1b87_3593;
const HIGH_IN = 0x85eb_ca6b | 0;
const HIGH_OUT = 0xc2b2_ae35 | 0;
/** From this many bytes on a call into zlib costs less than the loop. */
const NATIVE_BYTES_MIN = 512;
const LANE_BITS = 32n;

/**
 * A 64-bit hash that rolls over the effects of all applied entries: members that applied the same entries to
 * the same state have the same one, and members that ever differed do not meet again. It finds faults, it
 * does not resist an attacker. Two lanes of 32 bits, because that is what JavaScript multiplies fast.
 */
export class StateHash {
  #low: number;
  #high: number;

  /** Goes on from a stored value; 0n before the first entry. */
  constructor(value: bigint) {
    this.#low = Number(BigInt.asUintN(32, value)) | 0;
    this.#high = Number(BigInt.asUintN(32, value >> LANE_BITS)) | 0;
  }

  /** The hash of everything folded in so far, unsigned. */
  get value(): bigint {
    return (BigInt(this.#high >>> 0) << LANE_BITS) | BigInt(this.#low >>> 0);
  }

  /** Folds in 32 bits. */
  word(word: number): void {
    this.#low = Math.imul(rotate(this.#low ^ Math.imul(word, LOW_IN), 13), LOW_OUT) + 0x9e37;
    this.#high = Math.imul(rotate(this.#high ^ Math.imul(word, HIGH_IN), 15), HIGH_OUT) + 0x79b9;
  }

  /** Folds in a safe integer. */
  integer(value: number): void {
    this.word(value | 0);
    this.word(Math.floor(value / 0x1_0000_0000));
  }

  /** Folds in a change: its stored KeyValue, and what the record says beside it. */
  change(record: DeltaRecord): void {
    const { view, offset } = record;
    this.word(view.getUint32(offset + RecordField.flags, true));
    this.word(view.getUint32(offset + RecordField.main, true));
    this.word(view.getUint32(offset + RecordField.sub, true));
    this.word(view.getUint32(offset + RecordField.previousMain, true));
    this.word(view.getUint32(offset + RecordField.previousSub, true));
    const start = offset + RecordField.keyValue;
    const end = start + view.getUint32(offset + RecordField.keyValueLength, true);
    this.word(end - start);
    this.word(end - start < NATIVE_BYTES_MIN ? hashBytes(view, start, end) : crcOf(record));
    this.#mix();
  }

  /** Lets each lane depend on the other. */
  #mix(): void {
    this.#low = (this.#low + rotate(this.#high, 7)) | 0;
    this.#high ^= rotate(this.#low, 16);
  }
}

/** 32 bits over view[start, end), a word at a time. */
function hashBytes(view: DataView, start: number, end: number): number {
  let hash = end - start;
  let offset = start;
  for (; offset + 4 <= end; offset += 4) {
    hash = Math.imul(hash ^ view.getUint32(offset, true), HIGH_IN);
    hash ^= hash >>> 15;
  }
  let rest = 0;
  for (; offset < end; offset += 1) rest = (rest << 8) | view.getUint8(offset);
  return Math.imul(hash ^ rest, HIGH_OUT) ^ (hash >>> 13);
}

function crcOf({ keyValue }: DeltaRecord): number {
  return crc32(keyValue, 0, keyValue.length);
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
