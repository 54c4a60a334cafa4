import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Connection, call, RPC } from "../../bench/client/connection.js";
import { openConnection, PLAIN_CONNECT } from "../../bench/client/open-connection.js";
import { Mutex } from "../../bench/workloads/stm/mutex.js";
import { openSession } from "../../bench/workloads/stm/session.js";
import { RangeRequest, RangeResponse } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { type ServerProcess, startCapstan } from "../support/server-process.js";

let server: ServerProcess;
let connection: Connection;

before(async () => {
  server = await startCapstan();
  connection = await openConnection(server.target, PLAIN_CONNECT);
});

after(async () => {
  connection.close();
  await server.dispose();
});

/** How many have the lock or wait for it. */
async function waiting(): Promise<number> {
  const range = { key: Buffer.from("lock/"), rangeEnd: Buffer.from("lock0"), countOnly: true };
  const message = Buffer.from(RangeRequest.encode(RangeRequest.fromPartial(range)).finish());
  return Number(RangeResponse.decode(await call(connection, RPC.range, message)).count);
}

test("a Mutex is held by one client at a time, in the order of asking", async () => {
  const mutexes: Mutex[] = [];
  for (let i = 0; i < 3; i += 1) {
    mutexes.push(new Mutex(connection, "lock", await openSession(connection)));
  }
  const [first, ...others] = mutexes;
  assert.ok(first !== undefined);
  const got: number[] = [];
  await first.lock();
  const locked: Promise<void>[] = [];
  for (const [i, mutex] of others.entries()) {
    locked.push(mutex.lock().then(() => void got.push(i)));
    while ((await waiting()) < i + 2);
  }
  // Whoever did not wait would have the lock a question later: it is asked on the same connection.
  for (let i = 0; i < 10; i += 1) await waiting();
  assert.deepEqual(got, []);
  await first.unlock();
  await locked[0];
  for (let i = 0; i < 10; i += 1) await waiting();
  assert.deepEqual(got, [0]);
  await others[0]?.unlock();
  await locked[1];
  assert.deepEqual(got, [0, 1]);
  await others[1]?.unlock();
  assert.equal(await waiting(), 0);
});
