import { promise } from "../world/failure.js";
import type { World } from "../world/world.js";

/** Leases as their holders know them: until when each was promised, and whether its holder gave it up. */
export class LeaseChecks {
  readonly #world: World;
  readonly #heldUntilMs = new Map<bigint, number>();
  readonly #revoking = new Set<bigint>();
  readonly #revoked = new Set<bigint>();

  constructor(world: World) {
    this.#world = world;
  }

  /** A grant or a renewal was acknowledged: the lease lives at least until then. */
  held(id: bigint, untilMs: number): void {
    this.#world.trace.note(0, "lease held", Number(id), untilMs);
    this.#heldUntilMs.set(id, Math.max(untilMs, this.#heldUntilMs.get(id) ?? 0));
    promise(
      !this.#revoked.has(id),
      "no lease is renewed after its end",
      () => `lease ${id} was acknowledged after it was revoked`,
    );
  }

  /** Its holder gives it up. */
  revoking(id: bigint): void {
    this.#revoking.add(id);
  }

  /** The first member has applied its end. */
  revoked(id: bigint): void {
    this.#world.trace.note(0, "lease revoked", Number(id));
    const untilMs = this.#heldUntilMs.get(id) ?? 0;
    this.#revoked.add(id);
    if (this.#revoking.has(id)) return;
    promise(
      this.#world.nowMs >= untilMs,
      "no lease ends early",
      () =>
        `lease ${id} was promised until ${untilMs.toFixed(3)} ms, and revoked at ${this.#world.nowMs.toFixed(3)} ms`,
    );
  }

  /** Acknowledged leases that did not end, of those that should have by now. */
  overdue(): bigint[] {
    return [...this.#heldUntilMs]
      .filter(([id, untilMs]) => untilMs < this.#world.nowMs && !this.#revoked.has(id))
      .map(([id]) => id);
  }

  get count(): number {
    return this.#heldUntilMs.size;
  }
}
