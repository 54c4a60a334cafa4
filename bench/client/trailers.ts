/*
 * Finds grpc-status in a header block of a server that was told to keep no dynamic table
 * (SETTINGS_HEADER_TABLE_SIZE 0): then every field stands for itself and a block always means the
 * same, so that nothing but the bytes is needed.
 */

/** "grpc-status" in the Huffman code of RFC 7541 appendix B. */
const HUFFMAN_GRPC_STATUS = huffman([
  ...[
    [0x26, 6],
    [0x2c, 6],
    [0x2b, 6],
    [0x4, 5],
    [0x16, 6],
    [0x8, 5],
  ],
  ...[
    [0x9, 5],
    [0x3, 5],
    [0x9, 5],
    [0x2d, 6],
    [0x8, 5],
  ],
]);
const PLAIN_GRPC_STATUS = Buffer.from("grpc-status");

/** Status codes 0 to 16 as a server may write them, Huffman-coded or plain. */
const STATUS_TEXTS: ReadonlyMap<string, number> = new Map(
  Array.from({ length: 17 }, (_, status) => [
    [stringKey(true, huffman([...String(status)].map(digitCode))), status] as const,
    [stringKey(false, Buffer.from(String(status))), status] as const,
  ]).flat(),
);

const BLOCKS_KEPT_MAX = 1000;

/** Reads statuses, remembering the blocks that it has seen: a server writes few different ones. */
export class StatusReader {
  readonly #seen = new Map<string, number | undefined>();

  /** The status in a header block; undefined when there is none. */
  read(block: Buffer): number | undefined {
    const key = block.toString("latin1");
    if (this.#seen.has(key)) return this.#seen.get(key);
    const status = findStatus(block);
    if (this.#seen.size < BLOCKS_KEPT_MAX) this.#seen.set(key, status);
    return status;
  }
}

interface HeaderString {
  readonly huffman: boolean;
  readonly bytes: Buffer;
  readonly end: number;
}

function findStatus(block: Buffer): number | undefined {
  let offset = 0;
  while (offset < block.length) {
    const first = block[offset] ?? 0;
    // An indexed field or the size of the table: one number and no strings.
    if ((first & 0x80) !== 0) offset = integer(block, offset, 7).end;
    else if ((first & 0xe0) === 0x20) offset = integer(block, offset, 5).end;
    else {
      const name = integer(block, offset, (first & 0x40) !== 0 ? 6 : 4);
      const newName = name.value === 0 ? text(block, name.end) : undefined;
      const value = text(block, newName?.end ?? name.end);
      if (newName !== undefined && isStatusName(newName)) {
        return STATUS_TEXTS.get(stringKey(value.huffman, value.bytes));
      }
      offset = value.end;
    }
  }
  return undefined;
}

function isStatusName(name: HeaderString): boolean {
  return name.bytes.equals(name.huffman ? HUFFMAN_GRPC_STATUS : PLAIN_GRPC_STATUS);
}

/** An integer with an N-bit prefix, RFC 7541 section 5.1. */
function integer(block: Buffer, offset: number, bits: number): { value: number; end: number } {
  const mask = 2 ** bits - 1;
  let value = (block[offset] ?? 0) & mask;
  let end = offset + 1;
  if (value < mask) return { value, end };
  for (let shift = 0; end < block.length; shift += 7) {
    const byte = block[end] ?? 0;
    end += 1;
    value += (byte & 0x7f) * 2 ** shift;
    if ((byte & 0x80) === 0) break;
  }
  return { value, end };
}

/** A string literal, RFC 7541 section 5.2. */
function text(block: Buffer, offset: number): HeaderString {
  const { value: length, end } = integer(block, offset, 7);
  const coded = ((block[offset] ?? 0) & 0x80) !== 0;
  return { huffman: coded, bytes: block.subarray(end, end + length), end: end + length };
}

/** The digits' Huffman codes: 0 to 2 in five bits, 3 to 9 in six. */
function digitCode(digit: string): number[] {
  const value = Number(digit);
  return value < 3 ? [value, 5] : [0x19 + value - 3, 6];
}

/** Packs codes of [value, bits]; the rest of the last byte is ones. */
function huffman(codes: readonly (readonly number[])[]): Buffer {
  let bits = "";
  for (const [value = 0, length = 0] of codes) bits += value.toString(2).padStart(length, "0");
  bits = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  return Buffer.from((bits.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2)));
}

function stringKey(coded: boolean, bytes: Buffer): string {
  return `${coded ? "h" : "p"}${bytes.toString("latin1")}`;
}
