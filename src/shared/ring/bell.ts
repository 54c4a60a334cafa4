import { assert } from "../assert.js";

const COUNT = 0;
/** On a cache line pair of its own: every ringer reads it, only a sleeper writes it often. */
const SLEEPING = 32;
const BELL_BYTES = 256;

/**
 * Wakes one actor, however many rings it reads or waits for space in. One instance per thread over one
 * shared buffer; any thread rings, only the owner waits, one wait at a time.
 *
 * The owner's turn, and the only order that loses no wake-up (argued in README.md):
 * `seen = count()`, drain every ring and flush every writer, `wait(seen)`.
 * A wait may end for no reason; the owner just takes another turn.
 */
export class Bell {
  /** What the other threads' bells are made over. */
  readonly buffer: SharedArrayBuffer;
  readonly #words: Int32Array<SharedArrayBuffer>;
  #waiting = false;

  /** Wraps the buffer of a bell made on another thread, or makes a new one. */
  constructor(buffer = new SharedArrayBuffer(BELL_BYTES)) {
    assert(buffer.byteLength === BELL_BYTES, "buffer is no bell", { bytes: buffer.byteLength });
    this.buffer = buffer;
    this.#words = new Int32Array(buffer);
  }

  /** How often it has rung, modulo 2^32: what `wait` is to be told. Read it before draining. */
  count(): number {
    return Atomics.load(this.#words, COUNT);
  }

  /** Wakes the owner, or keeps it from falling asleep. No system call while the owner is awake. */
  ring(): void {
    Atomics.add(this.#words, COUNT, 1);
    // Only the sleeper takes the flag back. A ringer that did, and was held up before that, would take it from
    // a later sleep, and the rings after it would pass that sleeper by.
    if (Atomics.load(this.#words, SLEEPING) !== 0) Atomics.notify(this.#words, COUNT);
  }

  /** Blocks the thread until the count differs from `seen` or `timeoutMs` (may be Infinity) is over. */
  waitBlocking(seen: number, timeoutMs: number): void {
    Atomics.store(this.#words, SLEEPING, 1);
    Atomics.wait(this.#words, COUNT, seen, timeoutMs);
    Atomics.store(this.#words, SLEEPING, 0);
  }

  /**
   * Resolves when the count differs from `seen` or after `timeoutMs` (none: never), and always after a
   * turn of the event loop, so that a busy actor does not starve its own sockets, timers and ports.
   *
   * Without a timeout it does not keep the thread alive: something else must (README.md names what, for
   * each actor). With one, its timer does, until the wait is over.
   */
  wait(seen: number, timeoutMs = Number.POSITIVE_INFINITY): Promise<void> {
    assert(!this.#waiting, "a bell has one waiter");
    this.#waiting = true;
    if (timeoutMs <= 0) return this.#nextTurn();
    Atomics.store(this.#words, SLEEPING, 1);
    const result = Atomics.waitAsync(this.#words, COUNT, seen);
    if (!result.async) return this.#nextTurn();
    return this.#woken(result.value, timeoutMs);
  }

  async #woken(notified: Promise<unknown>, timeoutMs: number): Promise<void> {
    if (timeoutMs === Number.POSITIVE_INFINITY) {
      await notified;
      this.#awake();
      return;
    }
    // Not waitAsync's own timeout: its timer is not taken back on a notify, so that short waits with long
    // timeouts would pile timers up.
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => {
        // Takes the waiter off V8's list: a bell that rings seldom would gather one per sleep.
        Atomics.notify(this.#words, COUNT);
        resolve();
      }, timeoutMs);
    });
    await Promise.race([notified, late]);
    clearTimeout(timer);
    this.#awake();
  }

  #nextTurn(): Promise<void> {
    Atomics.store(this.#words, SLEEPING, 0);
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#awake();
        resolve();
      });
    });
  }

  #awake(): void {
    Atomics.store(this.#words, SLEEPING, 0);
    this.#waiting = false;
  }
}

/** The bells of a ring's two sides: `consumer` wakes its reader, `producer` its writer. */
export interface RingBells {
  readonly consumer: Bell;
  readonly producer: Bell;
}
