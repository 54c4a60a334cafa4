import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  WatchCreateRequest_FilterType as Filter,
  WatchCreateRequest,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { keyBounds } from "../../src/shared/mvcc/range-bounds.js";
import { anyKey, anyLease, anyRangeEnd, bytes } from "../mvcc/support/keys.js";
import { runs } from "../mvcc/support/scale.js";
import { Twin } from "../mvcc/support/twin.js";
import { Rig } from "./support/rig.js";
import { CheckingClient } from "./support/watch-twin.js";

const CLIENTS = 3;
const WINDOW_BYTES = 600;

interface Write {
  readonly isPut: boolean;
  readonly key: string;
  readonly end: string;
  readonly value: string;
  readonly lease: bigint;
}

type Command =
  | { readonly kind: "txn"; readonly writes: readonly Write[] }
  | { readonly kind: "publish" | "begin" | "commit" | "release" | "compactBase" | "refresh" }
  | { readonly kind: "restore" }
  | { readonly kind: "handle" | "turn" | "time" | "compact"; readonly count: number }
  | {
      readonly kind: "create";
      readonly client: number;
      readonly request: WatchCreateRequest;
      readonly back: number;
    }
  | { readonly kind: "cancel" | "take"; readonly client: number; readonly count: number }
  | { readonly kind: "progress" | "leave"; readonly client: number };

const anyWrite: fc.Arbitrary<Write> = fc.record({
  isPut: fc.constantFrom(true, true, false),
  key: anyKey,
  end: anyRangeEnd,
  value: fc.constantFrom("", "1", "2", "v".repeat(200)),
  lease: anyLease,
});

const anyRequest: fc.Arbitrary<WatchCreateRequest> = fc
  .record({
    key: fc.oneof({ weight: 4, arbitrary: anyKey }, fc.constantFrom("", "\0")),
    rangeEnd: fc.oneof(anyRangeEnd, fc.constant("\0")),
    progressNotify: fc.boolean(),
    prevKv: fc.boolean(),
    fragment: fc.boolean(),
    filters: fc.constantFrom<Filter[]>([], [], [Filter.NOPUT], [Filter.NODELETE]),
    watchId: fc.constantFrom(0n, 0n, 0n, 1n, -2n, 7n),
  })
  .map(({ key, rangeEnd, ...rest }) => ({
    ...WatchCreateRequest.fromPartial(rest),
    key: bytes(key),
    rangeEnd: bytes(rangeEnd),
  }));

const client = fc.nat(CLIENTS - 1);

const anyCommand: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("txn" as const),
      writes: fc.array(anyWrite, { minLength: 1, maxLength: 4 }),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "publish",
        "publish",
        "begin",
        "commit",
        "release",
        "compactBase",
        "refresh",
      ),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom("handle", "handle", "turn", "turn", "time"),
      count: fc.nat(8),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("compact" as const), count: fc.nat(8) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("restore" as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("create" as const),
      client,
      request: anyRequest,
      back: fc.integer({ min: -3, max: 12 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constantFrom("take", "take", "take", "cancel"),
      client,
      count: fc.nat(6),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constantFrom("progress", "progress", "leave"), client }),
  },
);

/** A hub, its clients and the whole history, kept in step. */
class Run {
  readonly rig: Rig;
  readonly twin = new Twin();
  readonly clients: CheckingClient[];
  readonly seen = { events: 0, compacted: 0, progress: 0 };

  constructor(msPerLook: number) {
    this.rig = new Rig({
      fragmentBytes: 400,
      progressIntervalMs: 100,
      msPerLook,
      limits: {
        liveQueueBytesMax: 2000,
        turnBytesMax: 400,
        batchSizeMax: 3,
        joinSpan: 4,
        sliceChangesMax: 5,
        responseBytesMax: 300,
      },
    });
    this.clients = Array.from({ length: CLIENTS }, () => this.#client());
  }

  run(command: Command): void {
    const { rig } = this;
    switch (command.kind) {
      case "txn":
        return this.#txn(command.writes);
      case "publish":
        return rig.world.publish();
      case "begin":
        return rig.world.checkpointBegin();
      case "commit":
        return rig.world.checkpointCommit();
      case "release":
        return rig.world.release();
      case "compactBase":
        return rig.world.compactBase();
      case "refresh":
        return rig.frontend.base.refresh();
      case "restore":
        return rig.restore();
      case "handle":
        return rig.handle(command.count);
      case "turn":
        return rig.hub.turn(command.count);
      case "time":
        rig.nowMs += command.count * 25;
        return;
      case "compact":
        return this.#compact(command.count);
      case "create":
        return this.#create(command.client, command.request, command.back);
      case "cancel":
        return this.clients[command.client]!.cancel(command.count);
      case "take":
        return this.clients[command.client]!.take(command.count);
      case "progress":
        return this.clients[command.client]!.askProgress();
      case "leave":
        return this.#leave(command.client);
    }
  }

  /** Everything is published, settled and read; then a last progress on every stream. */
  finish(): void {
    const { rig } = this;
    rig.world.publish();
    rig.handle();
    this.#drain();
    for (const one of this.clients) {
      one.checkComplete();
      const before = one.progressSeen;
      const isSynced = one.isSynced;
      one.askProgress();
      this.#drain();
      assert.equal(one.progressSeen, before + (isSynced ? 1 : 0));
      this.#count(one);
      one.call.cancel();
    }
    const { streams, watchers, slowWatchers, pendingEvents } = rig.hub.stats;
    assert.deepEqual([streams, watchers, slowWatchers, pendingEvents], [0, 0, 0, 0]);
    assert.equal(rig.hub.hasWork(), false);
  }

  #drain(): void {
    for (let idle = 0; idle < 3; idle += 1) {
      this.rig.settle();
      for (const one of this.clients) {
        if (one.call.bufferedBytes > 0) idle = -1;
        one.take();
      }
    }
  }

  #client(): CheckingClient {
    const { rig, twin } = this;
    return new CheckingClient(rig.open(WINDOW_BYTES), {
      twin,
      compactRevision: () => rig.view.compactRevision,
      revision: () => rig.view.revision,
    });
  }

  #leave(index: number): void {
    const gone = this.clients[index]!;
    gone.take();
    this.#count(gone);
    gone.call.cancel();
    this.clients[index] = this.#client();
  }

  #count(one: CheckingClient): void {
    this.seen.events += one.events;
    this.seen.compacted += one.compacted;
    this.seen.progress += one.progressSeen;
    // The window, a response of the largest transaction, and some answers.
    const { bufferedBytesMax } = one.call;
    assert.ok(bufferedBytesMax < WINDOW_BYTES + 40_000, String(bufferedBytesMax));
  }

  #create(index: number, request: WatchCreateRequest, back: number): void {
    // A back of 12 stands for "from now on"; more than the revision gives a negative start.
    const start = back === 12 ? 0 : this.rig.view.revision - back;
    this.clients[index]!.create({ ...request, startRevision: BigInt(start) });
  }

  #txn(writes: readonly Write[]): void {
    const { space } = this.rig.world;
    space.begin(space.view.revision + 1);
    this.twin.begin();
    for (const { isPut, key, end, value, lease } of writes) {
      if (isPut) {
        space.put(bytes(key), bytes(value), lease);
        this.twin.put(key, value, lease);
      } else {
        space.deleteRange(keyBounds(bytes(key), bytes(end)));
        this.twin.delete(key, end);
      }
    }
    assert.equal(space.end(), this.twin.end());
  }

  #compact(back: number): void {
    const { view } = this.rig.world.space;
    const revision = view.revision - back;
    if (revision > view.compactRevision && revision >= 0) view.setCompactRevision(revision);
  }
}

describe("watch history", () => {
  it("is what the whole history says, for every watcher (G-07 to G-12)", () => {
    const seen = { events: 0, compacted: 0, progress: 0 };
    fc.assert(
      fc.property(
        fc.array(anyCommand, { maxLength: 200, size: "max" }),
        fc.constantFrom(0, 0.05, 1),
        (commands, msPerLook) => {
          const run = new Run(msPerLook);
          for (const command of commands) run.run(command);
          run.finish();
          seen.events += run.seen.events;
          seen.compacted += run.seen.compacted;
          seen.progress += run.seen.progress;
        },
      ),
      { numRuns: runs(600) },
    );
    // The test would prove nothing if little happened.
    assert.ok(seen.events > 0 && seen.compacted > 0 && seen.progress > 0, JSON.stringify(seen));
  });
});
