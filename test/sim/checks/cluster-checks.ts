import type { StateMachine } from "../../../src/apply-worker/core/state-machine.js";
import type { StoreBatch } from "../../../src/raft-worker/log-store.js";
import type { OpenedLog } from "../../../src/raft-worker/open-log.js";
import type { AppliedEntry } from "../member/checked-machine.js";
import type { StoreContent } from "../member/store-content.js";
import type { World } from "../world/world.js";
import { RaftChecks, type RaftStep } from "./raft-checks.js";
import { Truth } from "./truth.js";

/** Everything that looks at the members from outside, and knows more than any of them. */
export class ClusterChecks {
  readonly raft: RaftChecks;
  readonly truth = new Truth();
  readonly #world: World;
  /** Snapshots that a running process took over. */
  snapshots = 0;
  /** Restarts of a process over a store and a log that were there. */
  restarts = 0;

  /** `bootstrapped` entries are in every first member's log, and committed from the start. */
  constructor(world: World, bootstrapped: number) {
    this.#world = world;
    this.raft = new RaftChecks(bootstrapped, (index) => this.truth.votersAt(index));
  }

  /** A process has read its log. */
  opened(id: bigint, opened: OpenedLog, appliedIndex: number): void {
    this.#world.trace.note(Number(id), "opened", opened.log.base.index, appliedIndex);
    if (opened.hardState.term > 1) this.restarts += 1;
    this.truth.started(id);
    this.raft.opened(id, opened);
  }

  /** A process has restored its state machine. */
  restored(id: bigint, machine: StateMachine, content: StoreContent): void {
    this.#world.trace.note(Number(id), "restored", machine.appliedIndex);
    if (this.truth.restored(id, machine, content)) this.snapshots += 1;
  }

  /** A process has applied an entry. */
  applied(id: bigint, applied: AppliedEntry, machine: StateMachine): void {
    this.#world.trace.note(
      Number(id),
      `applied ${applied.entry.kind}`,
      applied.entry.index,
      applied.result.revision,
    );
    this.truth.applied(id, applied, machine);
  }

  /** A core has taken a step. */
  stepped(id: bigint, step: RaftStep): void {
    for (const effect of step.effects) {
      if (effect.kind === "roleChanged") {
        this.#world.trace.note(Number(id), effect.role, effect.term, Number(effect.leaderId ?? 0n));
      }
    }
    this.raft.stepped(id, step);
  }

  /** A write has reached a member's disk. */
  durable(id: bigint, batch: StoreBatch): void {
    this.#world.trace.note(
      Number(id),
      "durable",
      batch.entries.at(-1)?.index ?? 0,
      batch.hardState.term,
    );
    this.raft.durable(id, batch);
  }
}
