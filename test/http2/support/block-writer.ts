import type { HeaderField } from "../../../src/main/http2/hpack/header-field.js";
import { SlowTable, slowInteger, slowString } from "./slow-hpack.js";

/** One field of a block, and how it is to be written. */
export interface PlannedField extends HeaderField {
  /** Any other than "indexing" leaves the table as it is. */
  readonly literal: "indexing" | "without" | "never";
  /** Whether an index is taken for the field, or for its name, where there is one. */
  readonly reuse: "field" | "name" | "nothing";
  readonly huffman: boolean;
}

/** A block: size updates, then fields. */
export interface PlannedBlock {
  readonly updates: readonly number[];
  readonly fields: readonly PlannedField[];
}

const LITERALS = { indexing: [64, 6], without: [0, 4], never: [16, 4] } as const;

/** Writes blocks as some encoder could, in any of the ways that RFC 7541 leaves open. */
export class BlockWriter {
  readonly #table = new SlowTable();

  /** The bytes of the next block. */
  write(block: PlannedBlock): Uint8Array {
    const updates = block.updates.flatMap((bytesMax) => {
      this.#table.resize(bytesMax);
      return slowInteger(32, 5, bytesMax);
    });
    return Uint8Array.from([...updates, ...block.fields.flatMap((field) => this.#field(field))]);
  }

  #field({ name, value, literal, reuse, huffman }: PlannedField): number[] {
    const all = this.#table.all;
    const index = 1 + all.findIndex((field) => field.name === name && field.value === value);
    if (reuse === "field" && index > 0) return slowInteger(128, 7, index);
    const nameIndex = reuse === "nothing" ? 0 : 1 + all.findIndex((field) => field.name === name);
    const [first, prefixBits] = LITERALS[literal];
    if (literal === "indexing") this.#table.add({ name, value });
    return [
      ...slowInteger(first, prefixBits, nameIndex),
      ...(nameIndex === 0 ? slowString(name, huffman) : []),
      ...slowString(value, huffman),
    ];
  }
}
