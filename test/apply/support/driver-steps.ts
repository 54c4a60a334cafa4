import assert from "node:assert/strict";
import { LeaseGrantRequest, PutRequest } from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { EntryKind } from "../../../src/shared/messages/entry.js";
import {
  MainToApply,
  sendLeaseQuery,
  sendNumber,
} from "../../../src/shared/messages/main-to-apply.js";
import { DriverHarness, type DriverHarnessOptions } from "./driver-harness.js";
import { FakeStore } from "./fake-store.js";
import { put } from "./machine.js";

/** A driver over a store of maps. */
export function harness(options: Partial<DriverHarnessOptions> = {}) {
  const store = new FakeStore();
  const it = new DriverHarness({ store, base: store.base, leaseKeyBase: store, ...options });
  return { it, store };
}

/** An encoded put. */
export function putBytes(key: string, value = "v", more: Partial<PutRequest> = {}): Uint8Array {
  return PutRequest.encode(put(key, value, more)).finish();
}

/** Lets the open transaction write, commit and reach the disk. */
export function completeRun(it: DriverHarness, store: FakeStore): void {
  assert.ok(store.run, "a transaction is open");
  store.run.state = "writing";
  it.settle();
  assert.equal(store.run.state, "committing");
  store.run.complete();
  store.run = undefined;
  it.settle();
}

/** A frontend lets go of a checkpoint. */
export function release(it: DriverHarness, checkpointId: number, frontend = 0): void {
  const writer = it.frontends[frontend]?.writer;
  assert.ok(writer);
  sendNumber(writer, MainToApply.released, checkpointId);
  writer.flush();
  it.settle();
}

/** Grants a lease. */
export function grant(it: DriverHarness, ID: bigint, TTL: bigint): void {
  it.entry(EntryKind.leaseGrant, LeaseGrantRequest.encode({ ID, TTL }).finish());
  it.settle();
}

/** Asks for a lease from frontend 0; the answers have request id 900. */
export function queryLease(
  it: DriverHarness,
  type: typeof MainToApply.leaseRenew | typeof MainToApply.leaseTimeToLive,
  leaseId: bigint,
): void {
  const writer = it.frontends[0]?.writer;
  assert.ok(writer);
  sendLeaseQuery(writer, { type, requestId: 900, leaseId, flag: true });
  writer.flush();
  it.settle();
}
