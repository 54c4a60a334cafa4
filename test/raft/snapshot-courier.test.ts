import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { SnapshotCourier, type SnapshotProgress } from "../../src/raft-worker/snapshot-courier.js";

function rig() {
  const log: string[] = [];
  const streams = new Map<bigint, SnapshotProgress>();
  const courier = new SnapshotCourier(
    {
      sendSnapshot: (to, progress) => {
        log.push(`stream to ${to}`);
        streams.set(to, progress);
      },
    },
    {
      checkpointWanted: () => log.push("checkpoint"),
      started: (to, index) => log.push(`started ${to} at ${index}`),
      finished: (to, index, ok) => log.push(`finished ${to} at ${index}: ${ok}`),
    },
  );
  return { courier, log, stream: (to: bigint) => streams.get(to) };
}

describe("SnapshotCourier", () => {
  test("sends nothing before the store is up to date on disk", () => {
    const { courier, log, stream } = rig();
    courier.send(2n);
    assert.deepEqual(log, ["checkpoint"]);
    courier.checkpointed();
    stream(2n)?.started(50);
    stream(2n)?.finished(true);
    const rest = ["stream to 2", "started 2 at 50", "finished 2 at 50: true"];
    assert.deepEqual(log, ["checkpoint", ...rest]);
  });

  test("sends to a member once at a time, and again after the end", () => {
    const { courier, log, stream } = rig();
    courier.send(2n);
    courier.send(2n);
    courier.checkpointed();
    courier.send(2n);
    courier.checkpointed();
    assert.deepEqual(log, ["checkpoint", "stream to 2"]);
    stream(2n)?.finished(false);
    courier.send(2n);
    courier.checkpointed();
    assert.deepEqual(log.slice(2), ["finished 2 at 0: false", "checkpoint", "stream to 2"]);
  });

  test("a checkpoint that nobody waited for starts nothing", () => {
    const { courier, log } = rig();
    courier.checkpointed();
    assert.deepEqual(log, []);
  });
});
