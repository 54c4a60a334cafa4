/** HPACK once more, as plainly as RFC 7541 says it: strings of bits, arrays copied at each step. */

import type { HeaderField } from "../../../src/main/http2/hpack/header-field.js";
import { CODE_BITS, CODES, EOS } from "../../../src/main/http2/hpack/huffman-code.js";
import { STATIC_FIELDS } from "../../../src/main/http2/hpack/static-table.js";

const CODE_TEXTS = Array.from(CODES, (code, symbol) =>
  code.toString(2).padStart(CODE_BITS[symbol]!, "0"),
);
const SYMBOLS = new Map(CODE_TEXTS.map((text, symbol) => [text, symbol]));

/** A latin1 string in the Huffman code. */
export function slowHuffmanEncode(text: string): number[] {
  const bits = [...text].map((char) => CODE_TEXTS[char.charCodeAt(0)]!).join("");
  const padded = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  return (padded.match(/.{8}/g) ?? []).map((byte) => Number.parseInt(byte, 2));
}

/** The string that Huffman-coded bytes stand for. Throws for what section 5.2 forbids. */
export function slowHuffmanDecode(bytes: readonly number[]): string {
  let text = "";
  let code = "";
  for (const bit of bytes.map((byte) => byte.toString(2).padStart(8, "0")).join("")) {
    code += bit;
    const symbol = SYMBOLS.get(code);
    if (symbol === EOS) throw new Error("EOS");
    if (symbol === undefined) continue;
    text += String.fromCharCode(symbol);
    code = "";
  }
  if (code.length > 7 || code.includes("0")) throw new Error("padding");
  return text;
}

/** An integer below `first`, of so many bits, whose bits above the prefix are given (section 5.1). */
export function slowInteger(first: number, prefixBits: number, value: number): number[] {
  const prefixMax = 2 ** prefixBits - 1;
  if (value < prefixMax) return [first + value];
  const bytes = [first + prefixMax];
  let rest = value - prefixMax;
  while (rest >= 128) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

/** A string literal. */
export function slowString(text: string, huffman: boolean): number[] {
  const bytes = huffman ? slowHuffmanEncode(text) : [...text].map((char) => char.charCodeAt(0));
  return [...slowInteger(huffman ? 128 : 0, 7, bytes.length), ...bytes];
}

const sizeOf = (field: HeaderField): number => field.name.length + field.value.length + 32;

/** The dynamic table, newest first. */
export class SlowTable {
  fields: HeaderField[] = [];
  bytesMax = 4096;

  /** The static table and this one behind it. */
  get all(): HeaderField[] {
    return [...STATIC_FIELDS, ...this.fields];
  }

  add(field: HeaderField): void {
    this.fields = [field, ...this.fields];
    this.#evict();
  }

  resize(bytesMax: number): void {
    this.bytesMax = bytesMax;
    this.#evict();
  }

  #evict(): void {
    const total = (): number => this.fields.reduce((sum, field) => sum + sizeOf(field), 0);
    while (total() > this.bytesMax) this.fields = this.fields.slice(0, -1);
  }
}

/** Decodes blocks without any cache or bound. Throws for what may not be in a block. */
export class SlowDecoder {
  readonly table = new SlowTable();
  readonly #updateBytesMax: number;
  #block: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(updateBytesMax: number) {
    this.#updateBytesMax = updateBytesMax;
  }

  decode(block: Uint8Array): HeaderField[] {
    this.#block = block;
    this.#at = 0;
    const fields: HeaderField[] = [];
    while (this.#at < block.length) {
      const bits = block[this.#at]!.toString(2).padStart(8, "0");
      if (bits.startsWith("1")) fields.push(this.#entry(this.#integer(7)));
      else if (bits.startsWith("01")) {
        fields.push(this.#literal(6));
        this.table.add(fields.at(-1)!);
      } else if (bits.startsWith("001")) this.#update(fields.length);
      else fields.push(this.#literal(4));
    }
    return fields;
  }

  #update(fieldsBefore: number): void {
    const bytesMax = this.#integer(5);
    if (fieldsBefore > 0 || bytesMax > this.#updateBytesMax) throw new Error("size update");
    this.table.resize(bytesMax);
  }

  #entry(index: number): HeaderField {
    const field = this.table.all[index - 1];
    if (field === undefined) throw new Error("index");
    return field;
  }

  #literal(prefixBits: number): HeaderField {
    const index = this.#integer(prefixBits);
    const name = index === 0 ? this.#string() : this.#entry(index).name;
    return { name, value: this.#string() };
  }

  #string(): string {
    const huffman = this.#block[this.#at]! >= 128;
    const length = this.#integer(7);
    if (this.#at + length > this.#block.length) throw new Error("cut off");
    const bytes = [...this.#block.subarray(this.#at, this.#at + length)];
    this.#at += length;
    return huffman ? slowHuffmanDecode(bytes) : String.fromCharCode(...bytes);
  }

  #integer(prefixBits: number): number {
    const prefixMax = 2 ** prefixBits - 1;
    let value = this.#byte() % 2 ** prefixBits;
    if (value < prefixMax) return value;
    for (let count = 0; count < 5; count += 1) {
      const byte = this.#byte();
      value += (byte % 128) * 128 ** count;
      if (byte < 128 && value < 2 ** 31) return value;
      if (byte < 128) break;
    }
    throw new Error("integer");
  }

  #byte(): number {
    if (this.#at >= this.#block.length) throw new Error("cut off");
    return this.#block[this.#at++]!;
  }
}
