/** Protobuf varints (protobuf encoding spec, "Base 128 Varints") of numbers and of split 64-bit values. */

const HIGH = 0x1_0000_0000;

/** Bytes that the varint of a non-negative safe integer takes. */
export function uvarintSize(value: number): number {
  let size = 1;
  let rest = value;
  while (rest >= 0x80) {
    rest = Math.floor(rest / 0x80);
    size += 1;
  }
  return size;
}

/** Writes the varint of a non-negative safe integer; returns the offset after it. */
export function writeUvarint(target: Uint8Array, offset: number, value: number): number {
  let at = offset;
  let rest = value;
  while (rest >= 0x80) {
    target[at++] = (rest % 0x80) | 0x80;
    rest = Math.floor(rest / 0x80);
  }
  target[at++] = rest;
  return at;
}

/** Bytes that the varint of an int64 takes: 10 for negative ones. */
export function int64VarintSize(value: bigint): number {
  if (value < 0n) return 10;
  let size = 1;
  for (let rest = value >> 7n; rest > 0n; rest >>= 7n) size += 1;
  return size;
}

/** Writes the varint of an int64 (two's complement); returns the offset after it. */
export function writeInt64Varint(target: Uint8Array, offset: number, value: bigint): number {
  let low = Number(BigInt.asUintN(32, value));
  let high = Number(BigInt.asUintN(32, value >> 32n));
  let at = offset;
  while (high > 0 || low >= 0x80) {
    target[at++] = (low & 0x7f) | 0x80;
    low = ((high & 0x7f) * 0x200_0000 + (low >>> 7)) >>> 0;
    high >>>= 7;
  }
  target[at++] = low;
  return at;
}

/**
 * Reads varints one after the other. After `read`, `offset` is behind the varint and `low`/`high` hold its
 * 64 bits. `ok` turns false for good when a varint is cut off or longer than ten bytes.
 */
export class VarintReader {
  offset = 0;
  end = 0;
  low = 0;
  high = 0;
  ok = true;

  /** Starts over at `offset`, with `end` as the first byte that must not be read. */
  reset(offset: number, end: number): void {
    this.offset = offset;
    this.end = end;
    this.ok = true;
  }

  /** Reads one varint; returns it as a number (exact up to 2^53). */
  read(bytes: Uint8Array): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.offset >= this.end) break;
      const byte = bytes[this.offset++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) low += bits * 2 ** shift;
      else if (shift === 28) {
        low += (bits & 0x0f) * 2 ** 28;
        high = bits >>> 4;
      } else high += (bits * 2 ** (shift - 32)) % HIGH;
      if (byte < 0x80) {
        this.low = low;
        this.high = high % HIGH;
        return this.low + this.high * HIGH;
      }
    }
    this.ok = false;
    this.low = 0;
    this.high = 0;
    return 0;
  }

  /** The last varint as an int64. */
  get int64(): bigint {
    return BigInt.asIntN(64, (BigInt(this.high) << 32n) | BigInt(this.low));
  }
}
