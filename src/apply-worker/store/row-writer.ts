import { CHECKSUM_BYTES, sealValue } from "../../shared/mvcc/base/checksum.js";
import { RowReader } from "../../shared/mvcc/base/row-reader.js";
import { mapLmdbError } from "../../shared/mvcc/base/store-errors.js";
import type { TableName, Tables } from "../../shared/mvcc/base/store-format.js";

const NO_BODY = new Uint8Array(0);
const SCRATCH_BYTES = 64 * 1024;

/** Writes rows in the open transaction, checksums included. */
export class RowWriter {
  /** Reads what the transaction has written so far. */
  readonly reader: RowReader;
  readonly #tables: Tables;
  // Memory of its own rather than from Node's pool: lmdb-js looks an address up once per buffer.
  #scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

  constructor(tables: Tables) {
    this.#tables = tables;
    this.reader = new RowReader(tables, undefined);
  }

  /** Writes a row; body is the two parts, one after the other. They are copied. */
  put(table: TableName, row: Uint8Array, body: Uint8Array, rest: Uint8Array = NO_BODY): void {
    const value = this.#value(row, body, rest);
    this.#run(table, () => this.#tables[table].putSync(row, value));
  }

  /** Writes a row whose key is above all others of the table; false, and nothing written, if it is not. */
  append(table: TableName, row: Uint8Array, body: Uint8Array, rest: Uint8Array): boolean {
    const value = this.#value(row, body, rest);
    const written: unknown = this.#run(table, () =>
      this.#tables[table].putSync(row, value, { append: true }),
    );
    return written === true;
  }

  /** Writes a row with its value as it was stored elsewhere, checksum in front. */
  putStored(table: TableName, row: Uint8Array, value: Uint8Array): void {
    // Appending fills pages whole; a row that is there already (the state) is overwritten.
    const isAppended: unknown = this.#run(table, () =>
      this.#tables[table].putSync(row, value, { append: true }),
    );
    if (isAppended !== true) this.#run(table, () => this.#tables[table].putSync(row, value));
  }

  /** Removes all rows of a table. */
  clear(table: TableName): void {
    this.#run(table, () => this.#tables[table].clearSync());
  }

  /** Removes a row; a missing one stays missing. */
  remove(table: TableName, row: Uint8Array): void {
    this.#run(table, () => this.#tables[table].removeSync(row));
  }

  #value(row: Uint8Array, body: Uint8Array, rest: Uint8Array): Buffer {
    const size = CHECKSUM_BYTES + body.length + rest.length;
    if (size > this.#scratch.length) this.#scratch = Buffer.allocUnsafeSlow(size * 2);
    const value = this.#scratch.subarray(0, size);
    value.set(body, CHECKSUM_BYTES);
    value.set(rest, CHECKSUM_BYTES + body.length);
    sealValue(row, value);
    return value;
  }

  #run<T>(table: TableName, write: () => T): T {
    try {
      return write();
    } catch (error) {
      throw mapLmdbError(error, `write table ${table}`);
    }
  }
}
