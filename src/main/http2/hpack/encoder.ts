import type { ByteSink } from "../byte-sink.js";
import { EncoderTable } from "./encoder-table.js";
import { TABLE_BYTES_DEFAULT } from "./header-field.js";
import { huffmanBytes, huffmanEncode } from "./huffman-encoder.js";
import { STATIC_NAMES } from "./static-table.js";

/** First byte and prefix bits of each representation (RFC 7541 section 6). */
const INDEXED = 0x80;
const INDEXED_PREFIX = 7;
const LITERAL_INDEXING = 0x40;
const LITERAL_INDEXING_PREFIX = 6;
const LITERAL = 0;
const LITERAL_PREFIX = 4;
const SIZE_UPDATE = 0x20;
const SIZE_UPDATE_PREFIX = 5;
const HUFFMAN = 0x80;
const STRING_PREFIX = 7;

/** Not used more than this, however much the peer offers: the table holds a handful of constants. */
const TABLE_BYTES_MAX = TABLE_BYTES_DEFAULT;

/** Encodes the header blocks of one connection, in the order in which they are sent (RFC 7541). */
export class HpackEncoder {
  readonly #table = new EncoderTable(TABLE_BYTES_DEFAULT);
  /** The size that the peer was told last. */
  #announcedBytes = TABLE_BYTES_DEFAULT;
  /** The size now, and the smallest since then: both are told at the next block's beginning (section 4.2). */
  #bytesMax = TABLE_BYTES_DEFAULT;
  #smallestBytes = TABLE_BYTES_DEFAULT;

  /** Grows with each change of the table. A block that left it as it was may be sent again while it stays so. */
  get version(): number {
    return this.#table.version;
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE, bytes. Takes effect at the next block. */
  setTableBytesMax(bytes: number): void {
    const bytesMax = Math.min(bytes, TABLE_BYTES_MAX);
    if (bytesMax === this.#bytesMax) return;
    this.#bytesMax = bytesMax;
    this.#smallestBytes = Math.min(this.#smallestBytes, bytesMax);
    this.#table.resize(bytesMax);
  }

  /**
   * Appends one field to a block; name and value are latin1. "index" puts it into the peer's table the first time and
   * is one byte or two from then on; "plain" leaves the table as it is.
   */
  encode(into: ByteSink, name: string, value: string, indexing: "index" | "plain"): void {
    if (this.#smallestBytes !== this.#announcedBytes || this.#bytesMax !== this.#announcedBytes) {
      this.#announceSize(into);
    }
    const known = STATIC_NAMES.get(name);
    const index = known?.values.get(value) ?? this.#table.fieldIndex(name, value);
    if (index > 0) {
      writeInteger(into, INDEXED, INDEXED_PREFIX, index);
      return;
    }
    const nameIndex = known?.index ?? this.#table.nameIndex(name);
    if (indexing === "index" && this.#table.fits(name, value)) {
      writeInteger(into, LITERAL_INDEXING, LITERAL_INDEXING_PREFIX, nameIndex);
      this.#table.add(name, value);
    } else {
      writeInteger(into, LITERAL, LITERAL_PREFIX, nameIndex);
    }
    if (nameIndex === 0) writeString(into, name);
    writeString(into, value);
  }

  #announceSize(into: ByteSink): void {
    if (this.#smallestBytes < this.#bytesMax) {
      writeInteger(into, SIZE_UPDATE, SIZE_UPDATE_PREFIX, this.#smallestBytes);
    }
    writeInteger(into, SIZE_UPDATE, SIZE_UPDATE_PREFIX, this.#bytesMax);
    this.#announcedBytes = this.#bytesMax;
    this.#smallestBytes = this.#bytesMax;
    // What was written now is not to be sent twice.
    this.#table.resize(this.#bytesMax);
  }
}

/** An integer after the `first` byte's high bits (RFC 7541 section 5.1). */
function writeInteger(into: ByteSink, first: number, prefixBits: number, value: number): void {
  const prefixMax = (1 << prefixBits) - 1;
  if (value < prefixMax) {
    into.push(first | value);
    return;
  }
  into.push(first | prefixMax);
  let rest = value - prefixMax;
  for (; rest >= 0x80; rest >>>= 7) into.push((rest & 0x7f) | 0x80);
  into.push(rest);
}

/** A string literal, in the Huffman code where that is shorter (RFC 7541 section 5.2). */
function writeString(into: ByteSink, text: string): void {
  const coded = huffmanBytes(text);
  if (coded < text.length) {
    writeInteger(into, HUFFMAN, STRING_PREFIX, coded);
    huffmanEncode(into, text);
    return;
  }
  writeInteger(into, 0, STRING_PREFIX, text.length);
  into.ensure(text.length);
  for (let i = 0; i < text.length; i += 1) into.bytes[into.length++] = text.charCodeAt(i);
}
