import { Bell } from "../../../src/shared/ring/bell.js";
import type { Random } from "../../support/random.js";
import type { World } from "../world/world.js";

/** Runs what belongs to a process: not at all when it has ended, later while it is stopped. */
export type Gate = (run: () => void) => void;

/** What a simulated bell rings in. */
export interface BellSite {
  readonly world: World;
  readonly random: Random;
  readonly gate: Gate;
}

/** A bell whose owner wakes in simulated time: some time after it rings, or when its wait is over. */
export class SimBell extends Bell {
  readonly #site: BellSite;
  #plannedMs = Number.POSITIVE_INFINITY;
  /** Tells the newest plan from those that it replaced. */
  #plan = 0;
  #onWake: (() => void) | undefined;

  constructor(site: BellSite) {
    super();
    this.#site = site;
  }

  override ring(): void {
    super.ring();
    // Threads take their time to wake up.
    const { world, random } = this.#site;
    if (this.#onWake !== undefined) this.#planFor(world.nowMs + 0.005 + random.next() * 0.1);
  }

  override wait(seen: number, timeoutMs = Number.POSITIVE_INFINITY): Promise<void> {
    return new Promise((resolve) => this.waitThen(seen, timeoutMs, resolve));
  }

  /** Calls back when the wait is over. */
  waitThen(seen: number, timeoutMs: number, onWake: () => void): void {
    this.#onWake = onWake;
    this.#plannedMs = Number.POSITIVE_INFINITY;
    // At once means: after the others had a chance to run.
    const soonMs = this.#site.world.nowMs + 0.01;
    if (this.count() !== seen) this.#planFor(soonMs);
    else if (timeoutMs < Number.POSITIVE_INFINITY) {
      this.#planFor(Math.max(soonMs, this.#site.world.nowMs + timeoutMs));
    }
  }

  #planFor(atMs: number): void {
    if (atMs >= this.#plannedMs) return;
    this.#plannedMs = atMs;
    this.#plan += 1;
    const plan = this.#plan;
    this.#site.world.events.at(atMs, () => {
      if (plan === this.#plan) this.#site.gate(() => this.#wake());
    });
  }

  #wake(): void {
    const onWake = this.#onWake;
    this.#onWake = undefined;
    this.#plan += 1;
    onWake?.();
  }
}
