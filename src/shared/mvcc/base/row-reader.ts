import type { RangeOptions, Transaction } from "lmdb";
import { openValue } from "./checksum.js";
import { mapLmdbError } from "./store-errors.js";
import type { TableName, Tables } from "./store-format.js";

/** Which rows of a table, and in which direction. */
export interface RowRange {
  /** First row, inclusive; with `reverse` the highest one. Empty: from the table's first row on. */
  readonly start: Uint8Array;
  /** First row that is not given; with `reverse` the one below the lowest. Undefined: no bound. */
  readonly end?: Uint8Array | undefined;
  readonly reverse?: boolean;
  readonly limit?: number;
}

/** One row: its key, and its body with the checksum verified. Both are the caller's to keep. */
export interface Row {
  readonly row: Uint8Array;
  readonly body: Uint8Array;
}

/** One row with its value as it is stored. Both are the caller's to keep. */
export interface StoredRow {
  readonly row: Uint8Array;
  readonly value: Uint8Array;
}

/**
 * Reads of all tables in one snapshot, checksums verified, errors mapped. With a transaction it is that
 * snapshot; without one it is the open write transaction of the same environment handle.
 */
export class RowReader {
  readonly #tables: Tables;
  // One object for all calls: lmdb-js reads it during the call only.
  readonly #options: { readonly transaction: Transaction } | undefined;

  constructor(tables: Tables, transaction: Transaction | undefined) {
    this.#tables = tables;
    this.#options = transaction && { transaction };
  }

  /** A row's body, valid until the next read on this thread. */
  peek(table: TableName, row: Uint8Array): Uint8Array | undefined {
    const bytes = this.#value(table, row);
    if (bytes === undefined) return undefined;
    // lmdb-js lends its one buffer and sets `length` on it, so a view has to be made by hand.
    return openValue(table, row, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
  }

  /** A row's body from byte `from` on, the caller's to keep. */
  get(table: TableName, row: Uint8Array, from = 0): Uint8Array | undefined {
    const body = this.peek(table, row);
    if (body === undefined) return undefined;
    const copy = Buffer.allocUnsafe(body.length - from);
    copy.set(from === 0 ? body : body.subarray(from));
    return copy;
  }

  /** Rows in order. Must be run to its end or left by break or return. */
  *rows(table: TableName, range: RowRange): Generator<Row, void, undefined> {
    try {
      for (const { key, value } of this.#tables[table].getRange(this.#rangeOptions(range))) {
        yield { row: key, body: openValue(table, key, value) };
      }
    } catch (error) {
      throw mapLmdbError(error, `scan table ${table}`);
    }
  }

  /** As `rows`, with the values as they are stored, checksum in front and verified. */
  *values(table: TableName, range: RowRange): Generator<StoredRow, void, undefined> {
    try {
      for (const { key, value } of this.#tables[table].getRange(this.#rangeOptions(range))) {
        openValue(table, key, value);
        yield { row: key, value };
      }
    } catch (error) {
      throw mapLmdbError(error, `scan table ${table}`);
    }
  }

  #rangeOptions(range: RowRange): RangeOptions {
    return {
      start: range.start,
      ...(range.end && { end: range.end }),
      ...(range.reverse && { reverse: true }),
      ...(range.limit !== undefined && { limit: range.limit }),
      ...this.#options,
    };
  }

  #value(table: TableName, row: Uint8Array): Buffer | undefined {
    try {
      // lmdb-js takes options here; its types do not say so.
      const lmdb: { getBinaryFast(id: Uint8Array, options?: object): Buffer | undefined } =
        this.#tables[table];
      return lmdb.getBinaryFast(row, this.#options);
    } catch (error) {
      throw mapLmdbError(error, `read table ${table}`);
    }
  }
}
