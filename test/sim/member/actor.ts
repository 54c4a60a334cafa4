import { type BellSite, SimBell } from "./sim-bell.js";

/** One thread of a simulated process: sleeps on its bell, and takes its turns when it is woken. */
export class SimActor {
  readonly bell: SimBell;
  readonly #turn: () => number;

  /** `turn` takes a turn and says how long to sleep at most: 0 for the next one at once. */
  constructor(site: BellSite, turn: () => number) {
    this.bell = new SimBell(site);
    this.#turn = turn;
  }

  /** Takes its first turn soon. */
  start(): void {
    this.#sleep(this.bell.count(), 0);
  }

  #sleep(seen: number, timeoutMs: number): void {
    this.bell.waitThen(seen, timeoutMs, () => {
      const count = this.bell.count();
      this.#sleep(count, this.#turn());
    });
  }
}
