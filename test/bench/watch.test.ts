import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Connection, StreamEvents } from "../../bench/client/connection.js";
import type { WatchLoad } from "../../bench/load/loads.js";
import { watchWorkload } from "../../bench/workloads/watch.js";
import { WatchResponse } from "../../src/shared/gen/etcdserverpb/rpc.js";

/** A server that creates every watcher and sends the events that it is told to. */
class FakeConnection implements Connection {
  readonly #streams: StreamEvents[] = [];

  unary(): void {}

  close(): void {}

  bidi(_path: string, events: StreamEvents) {
    this.#streams.push(events);
    const created = Buffer.from(
      WatchResponse.encode(WatchResponse.fromPartial({ created: true })).finish(),
    );
    const send = (): void => void setImmediate(() => events.onMessage(created));
    return { send, end: () => {} };
  }

  /** Sends one event on the first stream. */
  event(): void {
    const kv = { key: Buffer.from("k"), value: Buffer.alloc(8) };
    const response = WatchResponse.fromPartial({ events: [{ kv }] });
    this.#streams[0]?.onMessage(Buffer.from(WatchResponse.encode(response).finish()));
  }

  /** Ends the first stream. */
  end(): void {
    this.#streams[0]?.onEnd(undefined);
  }
}

const LOAD: WatchLoad = {
  kind: "watch",
  ...{ keySize: 16, keySpaceSize: 4, valSize: 8, sequentialKeys: true, prevKv: false },
  // Watchers of the four keys: 2, 2, 1 and 1.
  ...{ streams: 1, watchPerStream: 6, watchedKeyTotal: 4 },
};
const CONTEXT = { share: { thread: 0, threads: 1 }, clients: 1, seed: 1 };

async function opened(load: WatchLoad) {
  const connection = new FakeConnection();
  const { deliveries } = watchWorkload(load, CONTEXT);
  assert.ok(deliveries !== undefined);
  await deliveries.open([connection]);
  return { connection, deliveries };
}

describe("watchWorkload()", () => {
  for (const [puts, events] of [
    [1, 2],
    [3, 5],
    [4, 6],
    [10, 16],
  ] as const) {
    test(`waits for ${events} events of ${puts} puts on four keys`, async () => {
      const { connection, deliveries } = await opened(LOAD);
      let isOver = false;
      const settled = deliveries.settle([puts]).then(() => {
        isOver = true;
      });
      for (let i = 1; i < events; i += 1) connection.event();
      await turn();
      assert.equal(isOver, false);
      connection.event();
      await settled;
      assert.equal(deliveries.take().count, events);
      assert.equal(deliveries.take().count, 0);
    });
  }

  test("waits for an event per watcher and put when all watch everything", async () => {
    const { connection, deliveries } = await opened({ ...LOAD, watchedKeyTotal: 0 });
    const settled = deliveries.settle([2]);
    for (let i = 0; i < 12; i += 1) connection.event();
    await settled;
  });

  test("fails when a stream ends", async () => {
    const { connection, deliveries } = await opened(LOAD);
    const settled = deliveries.settle([1]);
    connection.end();
    await assert.rejects(settled, /a watch stream ended/);
  });
});
