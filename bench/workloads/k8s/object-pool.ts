import type { Share } from "../workload.js";
import type { Resource } from "./resources.js";

/** One object, as an API server knows it. */
export interface StoredObject {
  readonly key: Buffer;
  /** Its mod_revision; 0 when it is not there. */
  revision: number;
}

/**
 * Objects of one type that one thread writes, in turn. An object is taken out while a request on it is
 * under way: two writers of one object would meet each other's revision.
 */
export class ObjectPool {
  readonly resource: Resource;
  readonly #share: Share;
  readonly #objects: StoredObject[] = [];
  #next = 0;
  /** Objects that are there from the start, in every run; later ones are this run's own. */
  readonly #count: number;
  readonly #run = Date.now().toString(36);
  #nextNumber: number;

  constructor(resource: Resource, count: number, share: Share) {
    this.resource = resource;
    this.#share = share;
    this.#nextNumber = share.thread;
    this.#count = count;
    while (this.#nextNumber < count) this.put(this.create());
  }

  /** An object that has not been written yet and is not in the pool. */
  create(): StoredObject {
    const { prefix, name } = this.resource;
    const number = this.#nextNumber;
    const own = number < this.#count ? "" : `-${this.#run}`;
    this.#nextNumber += this.#share.threads;
    return { key: Buffer.from(`${prefix}${name(number)}${own}`, "latin1"), revision: 0 };
  }

  /** Takes out the object that has waited longest; undefined when all are in use. */
  take(): StoredObject | undefined {
    const object = this.#objects[this.#next];
    if (object === undefined) return undefined;
    this.#next += 1;
    // Dropped from the front in one go, now and then: not once per request.
    if (this.#next * 2 > this.#objects.length && this.#next > COMPACT_MIN) {
      this.#objects.splice(0, this.#next);
      this.#next = 0;
    }
    return object;
  }

  /** Puts an object in, or back. */
  put(object: StoredObject): void {
    this.#objects.push(object);
  }

  /** The object that would be taken next. */
  peek(): StoredObject | undefined {
    return this.#objects[this.#next];
  }

  /** Objects that are not in use. */
  list(): readonly StoredObject[] {
    return this.#objects.slice(this.#next);
  }
}

const COMPACT_MIN = 1000;
