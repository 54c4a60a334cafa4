import type { LoopClock } from "../../../bench/load/clock.js";

interface Timer {
  readonly atUs: number;
  readonly act: () => void;
}

/** A clock that stands still until it is told to go on. */
export class FakeClock implements LoopClock {
  #nowUs = 0;
  #timers: Timer[] = [];

  nowUs(): number {
    return this.#nowUs;
  }

  after(delayMs: number, act: () => void): () => void {
    const timer = { atUs: this.#nowUs + delayMs * 1000, act };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /** Lets time pass in which nothing runs, as when the thread is held; what was due then runs late. */
  stall(us: number): void {
    this.#nowUs += us;
    this.advance(0);
  }

  /** Lets time pass, and runs what becomes due in order. */
  advance(us: number): void {
    const untilUs = this.#nowUs + us;
    for (;;) {
      const due = this.#timers.filter(({ atUs }) => atUs <= untilUs);
      const [next] = due.sort((a, b) => a.atUs - b.atUs);
      if (next === undefined) break;
      this.#timers = this.#timers.filter((each) => each !== next);
      this.#nowUs = Math.max(this.#nowUs, next.atUs);
      next.act();
    }
    this.#nowUs = untilUs;
  }
}
