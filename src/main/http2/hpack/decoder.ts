import { BlockCache } from "./block-cache.js";
import { BlockReader } from "./block-reader.js";
import { DynamicTable } from "./dynamic-table.js";
import {
  type DecodedHeaders,
  fieldBytes,
  type HeaderField,
  TABLE_BYTES_DEFAULT,
} from "./header-field.js";
import { HpackError } from "./hpack-error.js";
import { STATIC_COUNT, STATIC_FIELDS } from "./static-table.js";

/** First byte of each representation (RFC 7541 section 6), from the highest on. */
const INDEXED = 0x80;
const LITERAL_INDEXING = 0x40;
const SIZE_UPDATE = 0x20;
const INDEXED_PREFIX = 7;
const LITERAL_INDEXING_PREFIX = 6;
const SIZE_UPDATE_PREFIX = 5;
/** Literals without indexing and those never indexed: the same to a receiver. */
const LITERAL_PREFIX = 4;

/** What a decoder is bound by. */
export interface HpackDecoderOptions {
  /** SETTINGS_HEADER_TABLE_SIZE as it was sent to the peer, bytes. */
  readonly tableBytesMax: number;
  /** SETTINGS_MAX_HEADER_LIST_SIZE, bytes as RFC 7541 section 4.1 counts them. */
  readonly listBytesMax: number;
}

/**
 * Decodes the header blocks of one connection, in the order in which they come (RFC 7541). What it holds is bounded:
 * the table by its size, a list by `listBytesMax`, the work by the block's length.
 */
export class HpackDecoder {
  readonly #tableBytesMax: number;
  readonly #listBytesMax: number;
  readonly #reader = new BlockReader();
  readonly #table = new DynamicTable(TABLE_BYTES_DEFAULT);
  readonly #cache = new BlockCache();
  /** Most that a size update may ask for. */
  #updateBytesMax: number;

  constructor(options: HpackDecoderOptions) {
    this.#tableBytesMax = options.tableBytesMax;
    this.#listBytesMax = options.listBytesMax;
    this.#updateBytesMax = Math.max(options.tableBytesMax, TABLE_BYTES_DEFAULT);
  }

  /**
   * The peer has acknowledged the SETTINGS: from now on `tableBytesMax` holds, and if its table is larger, its next block
   * must begin with a size update (section 4.2). Until then the default holds too. Need not be called when
   * `tableBytesMax` is not below the default.
   */
  settingsAcknowledged(): void {
    this.#updateBytesMax = this.#tableBytesMax;
    // The same size, and a new version: no cached block may hide that the update is missing.
    this.#table.resize(this.#table.bytesMax);
  }

  /**
   * Decodes a whole block. An equal block at an unchanged table gives the same object again. The block is not kept.
   * Throws HpackError, after which the decoder is of no more use.
   */
  decode(block: Uint8Array): DecodedHeaders {
    const version = this.#table.version;
    const known = this.#cache.find(block, version);
    if (known !== undefined) return known;
    this.#reader.begin(block);
    this.#readSizeUpdates();
    const headers = this.#readFields();
    if (this.#table.version === version) this.#cache.add(block, version, headers);
    return headers;
  }

  #readSizeUpdates(): void {
    const reader = this.#reader;
    while (!reader.done && reader.peek() >= SIZE_UPDATE && reader.peek() < LITERAL_INDEXING) {
      const bytes = reader.integer(SIZE_UPDATE_PREFIX);
      if (bytes > this.#updateBytesMax) throw new HpackError("a table larger than allowed");
      this.#table.resize(bytes);
    }
    if (this.#table.bytesMax > this.#updateBytesMax) {
      throw new HpackError("the table was not made smaller after SETTINGS");
    }
  }

  #readFields(): DecodedHeaders {
    const reader = this.#reader;
    const fields: HeaderField[] = [];
    let room = this.#listBytesMax;
    while (!reader.done) {
      const field = this.#readField();
      // Once negative it stays so: the list ends at the first field that is too much. The table goes on.
      room -= fieldBytes(field.name, field.value);
      if (room >= 0) fields.push(field);
    }
    return { fields, tooLarge: room < 0, parsed: undefined };
  }

  #readField(): HeaderField {
    const first = this.#reader.peek();
    if (first >= INDEXED) return this.#entry(this.#reader.integer(INDEXED_PREFIX));
    if (first >= LITERAL_INDEXING) {
      const field = this.#literal(LITERAL_INDEXING_PREFIX);
      this.#table.add(field);
      return field;
    }
    // Section 4.2: only at the beginning of a block.
    if (first >= SIZE_UPDATE) throw new HpackError("a table size update after a field");
    return this.#literal(LITERAL_PREFIX);
  }

  #literal(prefixBits: number): HeaderField {
    const index = this.#reader.integer(prefixBits);
    const name = index === 0 ? this.#reader.string() : this.#entry(index).name;
    return { name, value: this.#reader.string() };
  }

  #entry(index: number): HeaderField {
    const field =
      index <= STATIC_COUNT ? STATIC_FIELDS[index - 1] : this.#table.get(index - STATIC_COUNT - 1);
    if (field === undefined) throw new HpackError("an index that no table has");
    return field;
  }
}
