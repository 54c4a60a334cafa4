import type { ApplyCounts } from "../../../src/apply-worker/core/machine-context.js";
import type { StateMachine } from "../../../src/apply-worker/core/state-machine.js";
import {
  ApplyDriver,
  type Heritage,
  type ReceivedSnapshot,
} from "../../../src/apply-worker/driver.js";
import { restoreMachine } from "../../../src/apply-worker/restore.js";
import type { StoreWriter } from "../../../src/apply-worker/store/store-writer.js";
import type { Membership } from "../../../src/shared/messages/membership.js";
import { DeltaWriter } from "../../../src/shared/mvcc/delta-writer.js";
import type { StatusBoard } from "../../../src/shared/status-board.js";
import { watchMachine } from "./checked-machine.js";
import type { MemberSite } from "./member-site.js";
import type { ProcessRings } from "./process-rings.js";
import type { SimStore } from "./sim-store.js";
import { ELECTION_MS, HEARTBEAT_MS } from "./timing.js";

const DELTA_SEGMENT_BYTES = 8 * 1024;

/** What the apply worker of a simulated process is made of. */
export interface ApplyLifeOptions {
  readonly site: MemberSite;
  readonly store: SimStore;
  readonly rings: ProcessRings;
  readonly board: StatusBoard;
  readonly origin: bigint;
  readonly nowMs: () => number;
  readonly wake: () => void;
  readonly onSegment: (segment: number, buffer: SharedArrayBuffer) => void;
}

/** The apply worker of a process: the real driver, and another one after each snapshot, as worker.ts does it. */
export class ApplyLife {
  readonly #options: ApplyLifeOptions;
  readonly #delta: DeltaWriter;
  #machine: StateMachine;
  #driver: ApplyDriver;
  #isInstalling = false;

  constructor(options: ApplyLifeOptions) {
    this.#options = options;
    const { onSegment } = options;
    this.#delta = new DeltaWriter({ onSegment, segmentBytes: DELTA_SEGMENT_BYTES });
    this.#machine = this.#makeMachine(undefined);
    this.#driver = this.#makeDriver(undefined);
  }

  /** Who the members are, as far as this member has applied it. */
  membership(): Membership {
    const { members, appliedIndex } = this.#machine;
    return { index: appliedIndex, members: members.all(), removed: members.removed() };
  }

  /** Takes a turn; how long to sleep at most. */
  turn(): number {
    if (this.#isInstalling) return Number.POSITIVE_INFINITY;
    const { worked, deadlineMs } = this.#driver.turn();
    const { readySnapshot } = this.#driver;
    if (readySnapshot !== undefined) {
      this.#install(readySnapshot);
      return Number.POSITIVE_INFINITY;
    }
    return worked ? 0 : deadlineMs - this.#options.nowMs();
  }

  #install(snapshot: ReceivedSnapshot): void {
    const { store, wake } = this.#options;
    const heritage = this.#driver.bequeath();
    const { counts } = this.#machine;
    this.#isInstalling = true;
    store.install(snapshot.path, () => {
      store.reader.refresh();
      this.#machine = this.#makeMachine(counts);
      this.#driver = this.#makeDriver(heritage);
      this.#driver.announce(snapshot);
      this.#isInstalling = false;
      wake();
    });
  }

  #makeMachine(counts: ApplyCounts | undefined): StateMachine {
    const { id, checks } = this.#options.site;
    const machine = restoreMachine({
      data: { heartbeatMs: HEARTBEAT_MS, electionMs: ELECTION_MS, quotaBytes: 0 },
      // The twin has what is asked of it here.
      store: this.#options.store as unknown as StoreWriter,
      delta: this.#delta,
      usedBytes: () => 0,
      counts,
    });
    checks.restored(id, machine, this.#options.store.content);
    watchMachine(machine, (applied) => checks.applied(id, applied, machine));
    return machine;
  }

  #makeDriver(heritage: Heritage | undefined): ApplyDriver {
    const { site, store, rings, board, origin, nowMs, wake } = this.#options;
    return new ApplyDriver({
      machine: this.#machine,
      store,
      delta: this.#delta,
      fromRaft: rings.raftToApply.reader,
      toRaft: rings.applyToRaft.writer,
      frontends: [{ reader: rings.mainToApply.reader, writer: rings.applyToMain.writer }],
      board,
      memberId: site.id,
      origin,
      identity: new Uint8Array(16),
      commitSeconds: { observe: () => {} },
      clock: nowMs,
      wake,
      onSlowApply: () => {},
      ...(heritage && { heritage }),
    });
  }
}
