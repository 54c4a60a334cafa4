import { fieldBytes } from "./header-field.js";
import { STATIC_COUNT } from "./static-table.js";

interface Entry {
  readonly name: string;
  readonly value: string;
}

/** The entries of one name: the number of each value's, and of the newest. */
interface Name {
  readonly values: Map<string, number>;
  newest: number;
}

/**
 * The encoder's dynamic table (RFC 7541 section 2.3.2), found by name and value. Entries are numbered from 1 on as they
 * come, so that numbers stay while indexes move.
 */
export class EncoderTable {
  readonly #names = new Map<string, Name>();
  /** Oldest first; at most the table's size / 32, that is few. */
  readonly #entries: Entry[] = [];
  /** Number of the newest entry. */
  #newest = 0;
  #bytes = 0;
  #bytesMax: number;
  /** Grows with each change: what was encoded at the same version may be sent again as it is. */
  version = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Whether an entry of this size has a place; it may drive others out. */
  fits(name: string, value: string): boolean {
    return fieldBytes(name, value) <= this.#bytesMax;
  }

  /** The index on the wire of this field; 0 when it is not there. */
  fieldIndex(name: string, value: string): number {
    return this.#indexOf(this.#names.get(name)?.values.get(value));
  }

  /** The index on the wire of some field with this name; 0 when there is none. */
  nameIndex(name: string): number {
    return this.#indexOf(this.#names.get(name)?.newest);
  }

  #indexOf(number: number | undefined): number {
    return number === undefined ? 0 : STATIC_COUNT + 1 + this.#newest - number;
  }

  /** Adds a field that fits and is not there yet, and evicts the oldest ones for it (section 4.4). */
  add(name: string, value: string): void {
    const bytes = fieldBytes(name, value);
    this.#evictTo(this.#bytesMax - bytes);
    this.version += 1;
    this.#newest += 1;
    this.#bytes += bytes;
    this.#entries.push({ name, value });
    const known = this.#names.get(name) ?? { values: new Map<string, number>(), newest: 0 };
    known.values.set(value, this.#newest);
    known.newest = this.#newest;
    this.#names.set(name, known);
  }

  /** Sets the size, and evicts what is beyond it (section 4.3). */
  resize(bytesMax: number): void {
    this.version += 1;
    this.#bytesMax = bytesMax;
    this.#evictTo(bytesMax);
  }

  #evictTo(bytes: number): void {
    while (this.#bytes > bytes) {
      const number = this.#newest - this.#entries.length + 1;
      const oldest = this.#entries.shift()!;
      this.#bytes -= fieldBytes(oldest.name, oldest.value);
      this.#forget(oldest, number);
    }
  }

  #forget(entry: Entry, number: number): void {
    const known = this.#names.get(entry.name)!;
    known.values.delete(entry.value);
    if (known.newest === number) this.#names.delete(entry.name);
  }
}
