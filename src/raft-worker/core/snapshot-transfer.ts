/** Ticks that a leader waits for what may never come. */
export interface SnapshotPatience {
  /** After a failure; doubles with each further one, up to 32 times this. */
  readonly pauseTicks: number;
  /** For a snapshot that was asked for to start, and for one that arrived to be installed. */
  readonly patienceTicks: number;
}

type Phase =
  /** No snapshot is needed. */
  | { readonly kind: "none" }
  /** One is needed, and may be asked for when the pause is over. */
  | { readonly kind: "wanted"; ticks: number }
  /** The shell was asked for one. */
  | { readonly kind: "asked"; ticks: number }
  /** The store as of `index` is on its way. */
  | { readonly kind: "sending"; readonly index: number }
  /** The member has it, and installs it. */
  | { readonly kind: "delivered"; readonly index: number; ticks: number };

const PAUSE_DOUBLINGS_MAX = 5;

/** The way of one snapshot to one member, as its leader sees it. */
export class SnapshotTransfer {
  #phase: Phase = { kind: "none" };
  #failures = 0;

  /** Whether the shell should be asked for one now. */
  get isDue(): boolean {
    return this.#phase.kind === "wanted" && this.#phase.ticks === 0;
  }

  /** Index of the snapshot that is on its way or being installed. */
  get index(): number | undefined {
    return this.#phase.kind === "sending" || this.#phase.kind === "delivered"
      ? this.#phase.index
      : undefined;
  }

  /** Whether the member has it and only has to install it. */
  get isDelivered(): boolean {
    return this.#phase.kind === "delivered";
  }

  /** One is needed. */
  want(): void {
    this.#phase = { kind: "wanted", ticks: 0 };
  }

  /** The shell was asked. */
  asked(): void {
    this.#phase = { kind: "asked", ticks: 0 };
  }

  /** The store as of `index` is on its way; false when nobody asked. */
  started(index: number): boolean {
    if (this.#phase.kind !== "asked") return false;
    this.#phase = { kind: "sending", index };
    return true;
  }

  /** It arrived whole, or did not; false when that is news of another one. */
  finished(result: { readonly index: number; readonly ok: boolean }, pauseTicks: number): boolean {
    const isCurrent =
      this.#phase.kind === "sending"
        ? this.#phase.index === result.index
        : this.#phase.kind === "asked" && !result.ok;
    if (!isCurrent) return false;
    if (result.ok) this.#phase = { kind: "delivered", index: result.index, ticks: 0 };
    else this.#failed(pauseTicks);
    return true;
  }

  /** The member has what it needs, or what came was of no use. */
  done(): void {
    this.#phase = { kind: "none" };
    this.#failures = 0;
  }

  /** One tick; true when a wait has ended in vain, so that one is wanted again. */
  tick(patience: SnapshotPatience): boolean {
    const phase = this.#phase;
    if (phase.kind === "wanted") {
      if (phase.ticks > 0) phase.ticks -= 1;
      return false;
    }
    if (phase.kind !== "asked" && phase.kind !== "delivered") return false;
    phase.ticks += 1;
    if (phase.ticks < patience.patienceTicks) return false;
    this.#failed(patience.pauseTicks);
    return true;
  }

  #failed(pauseTicks: number): void {
    const ticks = pauseTicks * 2 ** Math.min(this.#failures, PAUSE_DOUBLINGS_MAX);
    this.#failures += 1;
    this.#phase = { kind: "wanted", ticks };
  }
}
