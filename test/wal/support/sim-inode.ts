import type { Random } from "../../support/random.js";

/** What a disk writes whole or not at all. */
export const SECTOR_BYTES = 512;

/**
 * A file's contents as programs see them, and for each sector that changed since it was durable, the
 * states it went through: the oldest is on the disk, any later one may be.
 */
export class SimInode {
  #bytes: Uint8Array = new Uint8Array(0);
  /** Room behind `#bytes`, so that appending does not copy the file each time. */
  #room: Uint8Array = new Uint8Array(0);
  #durableSize = 0;
  readonly #states = new Map<number, Uint8Array[]>();
  /** Sizes since the durable one. */
  #sizes: number[] = [];

  /** The contents; a view. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Sets the contents durably. */
  replace(bytes: Uint8Array): void {
    this.#room = bytes;
    this.#bytes = bytes;
    this.#settle();
  }

  /** Empties the file. An empty size is durable at once: what a crash brings back is not ours to test. */
  truncate(): void {
    this.replace(new Uint8Array(0));
  }

  /** Writes at `offset`; a gap before it reads as zeros. */
  write(bytes: Uint8Array, offset: number): void {
    if (bytes.length === 0) return;
    const end = offset + bytes.length;
    const first = Math.floor(offset / SECTOR_BYTES);
    const last = Math.floor((end - 1) / SECTOR_BYTES);
    for (let sector = first; sector <= last; sector++) {
      if (!this.#states.has(sector)) this.#states.set(sector, [this.#sector(sector)]);
    }
    if (end > this.#bytes.length) this.#grow(end);
    this.#bytes.set(bytes, offset);
    for (let sector = first; sector <= last; sector++) {
      this.#states.get(sector)?.push(this.#sector(sector));
    }
  }

  /** Makes the sectors that a range touches durable, with the size. */
  syncRange(from: number, to: number): void {
    for (const sector of [...this.#states.keys()]) {
      const start = sector * SECTOR_BYTES;
      if (start < to && start + SECTOR_BYTES > from) this.#states.delete(sector);
    }
    if (to >= this.#durableSize) {
      this.#durableSize = Math.max(this.#durableSize, Math.min(to, this.#bytes.length));
    }
    this.#sizes = this.#sizes.filter((size) => size > this.#durableSize);
  }

  /** Leaves what a power cut would: each sector in any of its states, the size in any of its own. */
  crash(random: Random, tearSectors: boolean): void {
    const size = random.pick([this.#durableSize, ...this.#sizes]);
    for (const [sector, states] of this.#states) {
      const kept = random.integer(0, states.length - 1);
      const state = states[kept]?.slice() ?? new Uint8Array(SECTOR_BYTES);
      const newer = states[kept + 1];
      if (tearSectors && newer !== undefined && random.chance(0.5)) {
        state.set(newer.subarray(0, random.integer(0, SECTOR_BYTES)));
      }
      const start = sector * SECTOR_BYTES;
      if (start >= this.#bytes.length) continue;
      this.#bytes.set(state.subarray(0, this.#bytes.length - start), start);
    }
    this.replace(this.#bytes.slice(0, size));
  }

  #settle(): void {
    this.#durableSize = this.#bytes.length;
    this.#states.clear();
    this.#sizes = [];
  }

  #grow(size: number): void {
    if (size > this.#room.length) {
      const room = new Uint8Array(Math.max(size, 2 * this.#room.length));
      room.set(this.#bytes);
      this.#room = room;
    }
    this.#bytes = this.#room.subarray(0, size);
    this.#sizes.push(size);
  }

  #sector(sector: number): Uint8Array {
    const state = new Uint8Array(SECTOR_BYTES);
    state.set(this.#bytes.subarray(sector * SECTOR_BYTES, (sector + 1) * SECTOR_BYTES));
    return state;
  }
}
