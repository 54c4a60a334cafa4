// Hot file: most requests of a client are found here.

import type { DecodedHeaders } from "./header-field.js";

/** Blocks that are kept for one connection: more than there are methods in the API. A power of two. */
const SLOTS = 64;
/** Longer blocks are not kept: 32 KiB per connection in all, and a client that repeats itself sends indexes. */
const BLOCK_BYTES_MAX = 512;

interface Slot {
  hash: number;
  length: number;
  /** Holds the block, and may be longer. */
  bytes: Uint8Array;
  headers: DecodedHeaders | undefined;
}

/**
 * Header blocks and what they were decoded to. A block means the same only while the dynamic table is the same, and
 * only blocks that leave the table as it is may be kept. Everything goes when the table changes, so that no
 * evicted entry is held in memory here.
 */
export class BlockCache {
  readonly #slots: (Slot | undefined)[] = new Array(SLOTS).fill(undefined);
  #version = 0;
  /** Hash of the block that was looked for last: `add` follows a `find` in vain. */
  #hash = 0;

  /** What a block was decoded to at this version of the table. */
  find(block: Uint8Array, version: number): DecodedHeaders | undefined {
    if (version !== this.#version || block.length > BLOCK_BYTES_MAX) return undefined;
    const hash = hashOf(block);
    this.#hash = hash;
    const at = hash & (SLOTS - 1);
    return this.#match(at, block) ?? this.#match(at ^ 1, block);
  }

  /** Keeps what the block means that was looked for last; `version` is the table's, then and now. */
  add(block: Uint8Array, version: number, headers: DecodedHeaders): void {
    if (block.length > BLOCK_BYTES_MAX) return;
    if (version !== this.#version) {
      this.#clear(version);
      this.#hash = hashOf(block);
    }
    // A block has two places. The one that was there first moves on to the second.
    const at = this.#hash & (SLOTS - 1);
    const slot = this.#slots[at ^ 1] ?? { hash: 0, length: 0, bytes: block, headers: undefined };
    this.#slots[at ^ 1] = this.#slots[at];
    this.#slots[at] = slot;
    if (slot.bytes === block || slot.bytes.length < block.length) slot.bytes = block.slice();
    else slot.bytes.set(block);
    slot.hash = this.#hash;
    slot.length = block.length;
    slot.headers = headers;
  }

  #match(at: number, block: Uint8Array): DecodedHeaders | undefined {
    const slot = this.#slots[at];
    if (slot === undefined || slot.hash !== this.#hash || slot.length !== block.length) {
      return undefined;
    }
    const bytes = slot.bytes;
    for (let i = 0; i < block.length; i += 1) if (bytes[i] !== block[i]) return undefined;
    return slot.headers;
  }

  #clear(version: number): void {
    this.#version = version;
    for (const slot of this.#slots) if (slot !== undefined) slot.headers = undefined;
  }
}

/** FNV-1a, 32 bits. Whoever makes blocks collide slows only his own connection down. */
function hashOf(block: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < block.length; i += 1) hash = Math.imul(hash ^ block[i]!, 0x01000193);
  return hash ^ (hash >>> 15);
}
