import assert from "node:assert/strict";
import type { Entry, HardState } from "../../../src/raft-worker/core/entry.js";
import type { Retention } from "../../../src/raft-worker/core/log.js";
import type { Message } from "../../../src/raft-worker/core/messages.js";
import { Raft } from "../../../src/raft-worker/core/raft.js";
import { type PeerOutbox, RaftDriver } from "../../../src/raft-worker/driver.js";
import type { LogStore, StoreBatch, Truncation } from "../../../src/raft-worker/log-store.js";
import { seededRandom } from "../../../src/shared/prng.js";
import { Bell } from "../../../src/shared/ring/bell.js";
import { RingReader } from "../../../src/shared/ring/reader.js";
import { RingWriter } from "../../../src/shared/ring/writer.js";
import { StatusBoard } from "../../../src/shared/status-board.js";
import { TEST_SETTINGS } from "./cluster.js";
import { TEST_CODEC, votersOnly } from "./conf-change.js";
import { ApplyEnd, FrontendEnd, makeRigBuffers, RIG_ORIGIN } from "./worker-rig.js";

/** After so many a proposal has timed out for whoever made it. */
export const REQUEST_TICKS = 70;

/** A store that finishes a write when the test says so. */
class FakeStore implements LogStore {
  readonly batches: StoreBatch[] = [];
  readonly entries: Entry[] = [];
  truncation: Truncation | undefined;
  #done: (() => void) | undefined;

  append(batch: StoreBatch, done: () => void): void {
    assert.equal(this.#done, undefined, "one append at a time");
    this.batches.push(batch);
    this.#done = () => {
      const first = batch.entries[0];
      if (first !== undefined) this.entries.length = first.index - 1;
      this.entries.push(...batch.entries);
      done();
    };
  }

  finish(): boolean {
    const done = this.#done;
    this.#done = undefined;
    done?.();
    return done !== undefined;
  }

  truncate(truncation: Truncation): void {
    this.truncation = truncation;
  }

  async close(): Promise<void> {}
}

/** How a rig's member begins, and what surrounds it. */
export interface RigOptions {
  readonly id?: bigint;
  readonly voters?: readonly bigint[];
  readonly hardState?: HardState;
  readonly entries?: readonly Entry[];
  readonly appliedIndex?: number;
  readonly ringBytes?: number;
  readonly retention?: Retention;
  readonly send?: (to: bigint, message: Message) => void;
}

/** Nobody to talk to: what is said is lost. */
const NO_PEERS: PeerOutbox = {
  send: () => {},
  ask: () => false,
  answer: () => false,
  reportHash: () => {},
  setMembership: () => {},
  sendSnapshot: () => assert.fail("nobody needs a snapshot"),
  discardSnapshot: () => {},
};

/** A driver with a fake store, and the test at the other end of all its rings. */
export function makeDriverRig(options: RigOptions = {}) {
  const buffers = makeRigBuffers(2, options.ringBytes);
  const store = new FakeStore();
  store.entries.push(...(options.entries ?? []));
  const board = new StatusBoard();
  const raftBell = new Bell(buffers.bells.raft);
  const applyBell = new Bell(buffers.bells.apply);
  const id = options.id ?? 1n;
  const raft = new Raft({
    id,
    configuration: votersOnly(options.voters ?? [id]),
    configuredIndex: options.appliedIndex ?? 0,
    ...TEST_CODEC,
    settings: { ...TEST_SETTINGS, retention: options.retention ?? TEST_SETTINGS.retention },
    random: seededRandom(Number(id)),
    hardState: options.hardState ?? { term: 0, vote: 0n, commit: 0 },
    log: { base: { index: 0, term: 0 }, entries: options.entries ?? [] },
    appliedIndex: options.appliedIndex ?? 0,
  });
  const frontends = buffers.bells.frontends.map((buffer, frontend) => {
    const bell = new Bell(buffer);
    const input = new RingReader(buffers.rings.fromFrontends[frontend]!, {
      consumer: raftBell,
      producer: bell,
    });
    const output = new RingWriter(buffers.rings.toFrontends[frontend]!, {
      consumer: bell,
      producer: raftBell,
    });
    return { input, output };
  });
  const ports = {
    store,
    frontends,
    apply: {
      input: new RingReader(buffers.rings.fromApply, { consumer: raftBell, producer: applyBell }),
      output: new RingWriter(buffers.rings.toApply, { consumer: applyBell, producer: raftBell }),
    },
    peers: { ...NO_PEERS, send: options.send ?? (() => assert.fail("there are no peers")) },
    board,
    wake: () => {},
    onDiffering: () => assert.fail("nobody differs"),
    onRemoved: () => assert.fail("nobody was removed"),
  };
  const membership = { index: 0, members: [], removed: [] };
  const { electionTicks } = TEST_SETTINGS;
  const driver = new RaftDriver(raft, ports, {
    memberId: id,
    origin: RIG_ORIGIN,
    electionTicks,
    membership,
    requestTicks: REQUEST_TICKS,
    expected: [],
  });
  const apply = new ApplyEnd(buffers);
  const first = new FrontendEnd(buffers, 0);
  const second = new FrontendEnd(buffers, 1);
  /** Turns and finishes writes until there is nothing to do. */
  const settle = (): void => {
    for (let round = 0; round < 1000; round += 1) {
      const wrote = store.finish();
      if (!driver.turn() && !wrote) return;
    }
    assert.fail("the driver never comes to rest");
  };
  return { driver, store, board, apply, first, second, settle };
}

/** A rig that leads, with everything that led to it taken in. */
export function makeLeaderRig(options: RigOptions = {}) {
  const rig = makeDriverRig(options);
  rig.driver.start();
  rig.settle();
  for (const end of [rig.apply, rig.first, rig.second]) {
    end.drain();
    end.received.length = 0;
  }
  return rig;
}
