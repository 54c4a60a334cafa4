import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  CONTROL_BYTES_MAX,
  ENVELOPE_BYTES,
  OFFLINE_QUEUE_BYTES,
  QUEUE_BYTES_MAX,
} from "../../src/raft-worker/peers/bounds.js";
import { itemBytes, type PeerItem } from "../../src/raft-worker/peers/items.js";
import { SendQueue } from "../../src/raft-worker/peers/send-queue.js";

const PAYLOAD_BYTES = 100_000;

function append(prevIndex: number, bytes = PAYLOAD_BYTES): PeerItem {
  const entries = [{ index: prevIndex + 1, term: 1, payload: new Uint8Array(bytes) }];
  const message = { term: 1, prevIndex, prevTerm: 1, entries, commitIndex: 0 };
  return { kind: "message", message: { kind: "appendRequest", ...message } };
}

function propose(bytes = PAYLOAD_BYTES): PeerItem {
  const payloads = [new Uint8Array(bytes)];
  return { kind: "message", message: { kind: "proposeRequest", term: 1, payloads } };
}

function control(term: number): PeerItem {
  return { kind: "message", message: { kind: "termNotice", term } };
}

/** Adds items until one does not fit; how many did. */
function fill(queue: SendQueue, item: (count: number) => PeerItem, isOffline: boolean): number {
  let count = 0;
  while (queue.add(item(count), isOffline)) count += 1;
  return count;
}

/** Takes everything, an envelope after the other. */
function takeAll(queue: SendQueue): PeerItem[][] {
  const envelopes: PeerItem[][] = [];
  while (!queue.isEmpty) envelopes.push(queue.take());
  return envelopes;
}

describe("the queue of a peer", () => {
  test("takes its bound of entries, and its bound of all else beside them", () => {
    for (const [isOffline, bound] of [
      [false, QUEUE_BYTES_MAX],
      [true, OFFLINE_QUEUE_BYTES],
    ] as const) {
      const queue = new SendQueue();
      const size = itemBytes(append(0));
      assert.equal(fill(queue, append, isOffline), Math.floor(bound / size));
      const controls = fill(queue, control, isOffline);
      assert.equal(controls, Math.floor(CONTROL_BYTES_MAX / itemBytes(control(1))));
    }
  });

  test("takes a single item above the bound, or it could never be sent", () => {
    const queue = new SendQueue();
    assert.ok(queue.add(propose(QUEUE_BYTES_MAX * 2), false));
    assert.equal(queue.add(propose(1), false), false);
    assert.equal(queue.take().length, 1);
    assert.ok(queue.add(propose(1), false));
  });

  test("gives out entries in order, an envelope at a time, and has room again", () => {
    const queue = new SendQueue();
    const items = Array.from({ length: 10 }, (_, index) => append(index));
    for (const item of items) assert.ok(queue.add(item, false));
    const envelopes = takeAll(queue);
    const perEnvelope = Math.floor(ENVELOPE_BYTES / itemBytes(append(0)));
    assert.equal(envelopes.length, Math.ceil(10 / perEnvelope));
    assert.ok(envelopes.flat().every((item, index) => item === items[index]));
    assert.deepEqual(queue.take(), []);
    assert.ok(fill(queue, append, false) > 100);
  });

  test("lets everything else pass the entries that wait", () => {
    const queue = new SendQueue();
    for (let index = 0; index < 5; index += 1) {
      queue.add(append(index), false);
      queue.add(control(index), false);
    }
    const terms = queue.take().map((item) => {
      assert.ok(item.kind === "message");
      return [item.message.kind, item.message.term];
    });
    assert.deepEqual(
      terms.slice(0, 5),
      [0, 1, 2, 3, 4].map((term) => ["termNotice", term]),
    );
    assert.deepEqual(terms.slice(5), [
      ["appendRequest", 1],
      ["appendRequest", 1],
    ]);
  });

  test("drops the appends that a newer one makes useless, and nothing else", () => {
    const queue = new SendQueue();
    const kept = [append(1), propose(), append(2)];
    for (const item of [...kept, append(3), append(4)]) queue.add(item, false);
    const again = append(3);
    queue.add(again, false);
    assert.deepEqual(takeAll(queue).flat(), [...kept, again]);
    // The last one was taken: what has left is not called back, and its place is no obstacle.
    for (const item of [append(9), append(3)]) queue.add(item, false);
    assert.equal(takeAll(queue).flat().length, 1);
    // A full queue has room for what takes the place of others.
    const count = fill(queue, append, false);
    assert.ok(queue.add(append(count - 1), false));
  });

  test("forgets everything at once", () => {
    const queue = new SendQueue();
    fill(queue, append, false);
    fill(queue, control, false);
    queue.clear();
    assert.ok(queue.isEmpty);
    assert.ok(queue.add(append(1), false));
  });
});
