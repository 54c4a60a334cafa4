import { KeyValue } from "../../../src/shared/gen/mvccpb/kv.js";
import { bytes } from "./keys.js";

/** One change, as plain as can be; keys and values are latin1 strings. */
export interface TwinChange {
  readonly key: string;
  readonly main: number;
  readonly sub: number;
  readonly tombstone: boolean;
  readonly value: string;
  readonly create: number;
  readonly version: number;
  readonly lease: bigint;
}

/**
 * The slow, obvious store: the list of all changes that ever were. Every question is answered by walking
 * it from the beginning.
 */
export class Twin {
  readonly changes: TwinChange[] = [];
  revision = 1;
  #sub = 0;

  begin(): void {
    this.#sub = 0;
  }

  put(key: string, value: string, lease: bigint): void {
    const previous = this.at(key, Number.POSITIVE_INFINITY);
    const main = this.revision + 1;
    const create = previous?.create ?? main;
    const version = (previous?.version ?? 0) + 1;
    const sub = this.#sub++;
    this.changes.push({ key, main, sub, tombstone: false, value, create, version, lease });
  }

  delete(key: string, end: string): number {
    const keys = this.alive(key, end, Number.POSITIVE_INFINITY).map((one) => one.key);
    for (const one of keys) {
      this.changes.push({
        key: one,
        main: this.revision + 1,
        sub: this.#sub++,
        tombstone: true,
        value: "",
        create: 0,
        version: 0,
        lease: 0n,
      });
    }
    return keys.length;
  }

  end(): number {
    if (this.#sub > 0) this.revision += 1;
    return this.#sub;
  }

  /** The change that made the key what it is at a revision, if it is alive there. */
  at(key: string, revision: number): TwinChange | undefined {
    const last = this.changes.filter((one) => one.key === key && one.main <= revision).at(-1);
    return last?.tombstone ? undefined : last;
  }

  /** Keys alive in a range, ascending by byte. */
  alive(key: string, end: string, revision: number): TwinChange[] {
    const keys = [...new Set(this.changes.map((one) => one.key))].sort(byteOrder);
    return keys
      .filter((one) => inRange(one, key, end))
      .map((one) => this.at(one, revision))
      .filter((one) => one !== undefined);
  }
}

/** M-20 to M-25. */
export function inRange(candidate: string, key: string, end: string): boolean {
  if (end === "") return candidate === key;
  return byteOrder(candidate, key) >= 0 && (end === "\0" || byteOrder(candidate, end) < 0);
}

export function byteOrder(a: string, b: string): number {
  return Buffer.compare(bytes(a), bytes(b));
}

/** The stored form by the generated codec. */
export function stored(change: TwinChange): Uint8Array {
  return KeyValue.encode({
    key: bytes(change.key),
    createRevision: BigInt(change.create),
    modRevision: change.tombstone ? 0n : BigInt(change.main),
    version: BigInt(change.version),
    value: bytes(change.value),
    lease: change.lease,
  }).finish();
}
