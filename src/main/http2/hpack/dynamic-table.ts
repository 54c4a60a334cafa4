import { fieldBytes, type HeaderField } from "./header-field.js";

const FIRST_SLOTS = 16;

/** The decoder's dynamic table (RFC 7541 section 2.3.2): a ring, the newest entry has index 0. */
export class DynamicTable {
  /** As many slots as a power of two; an unused slot is undefined. */
  #slots: (HeaderField | undefined)[] = new Array(FIRST_SLOTS).fill(undefined);
  /** Slot of the newest entry. */
  #newest = 0;
  #bytes = 0;
  #bytesMax: number;
  /** Entries. */
  count = 0;
  /** Grows with each change, so that what was derived from the table is known to be stale. */
  version = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that the entries may take (section 4.1). */
  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** Bytes that the entries take (section 4.1). */
  get bytes(): number {
    return this.#bytes;
  }

  /** The entry of an index from 0 on; undefined when there is none. */
  get(index: number): HeaderField | undefined {
    if (index >= this.count) return undefined;
    return this.#slots[(this.#newest - index) & (this.#slots.length - 1)];
  }

  /** Adds an entry and evicts the oldest ones for it; one that is too large empties the table (section 4.4). */
  add(field: HeaderField): void {
    const bytes = fieldBytes(field.name, field.value);
    this.version += 1;
    this.#evictTo(this.#bytesMax - bytes);
    if (bytes > this.#bytesMax) return;
    if (this.count === this.#slots.length) this.#grow();
    this.#newest = (this.#newest + 1) & (this.#slots.length - 1);
    this.#slots[this.#newest] = field;
    this.#bytes += bytes;
    this.count += 1;
  }

  /** Sets the size, and evicts what is beyond it (section 4.3). */
  resize(bytesMax: number): void {
    this.version += 1;
    this.#bytesMax = bytesMax;
    this.#evictTo(bytesMax);
  }

  #evictTo(bytes: number): void {
    while (this.#bytes > bytes && this.count > 0) {
      const oldest = (this.#newest - this.count + 1) & (this.#slots.length - 1);
      const field = this.#slots[oldest]!;
      this.#slots[oldest] = undefined;
      this.#bytes -= fieldBytes(field.name, field.value);
      this.count -= 1;
    }
  }

  #grow(): void {
    const fields = Array.from({ length: this.count }, (_, at) => this.get(this.count - 1 - at));
    this.#slots = [...fields, ...new Array(this.count).fill(undefined)];
    this.#newest = this.count - 1;
  }
}
