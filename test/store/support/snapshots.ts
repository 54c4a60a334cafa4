import { readFileSync, writeFileSync } from "node:fs";
import type { CheckpointInput } from "../../../src/apply-worker/store/checkpoint.js";
import { StoreWriter } from "../../../src/apply-worker/store/store-writer.js";
import { StoreExport } from "../../../src/shared/snapshot/store-export.js";
import { factsOf } from "./facts.js";
import { ChangeModel, checkpointOf, finish, finishCompaction, type Operation } from "./model.js";

export const CLUSTER = 0xfeed_0000_0000_0001n;

/** Writes a store's snapshot to a file; gives its bytes. */
export async function exportTo(directory: string, path: string): Promise<Buffer> {
  const source = StoreExport.open(directory, CLUSTER);
  const pieces: Buffer[] = [];
  for (let piece = source.next(); piece; piece = source.next()) pieces.push(piece);
  await source.close();
  writeFileSync(path, Buffer.concat(pieces));
  return readFileSync(path);
}

/** Puts a file's snapshot in the place of a store. */
export async function importFrom(store: StoreWriter, path: string): Promise<void> {
  const values = [["identity", Buffer.from("the receiver")]] as const;
  await finish(store.startImport({ path, clusterId: CLUSTER, values }));
  store.reader.refresh();
}

/** Everything that a store's reader says. */
export function facts(store: StoreWriter): string[] {
  return [...factsOf(store.reader)];
}

/** Small rows of every kind. */
export function smallRows(seed: number): Partial<CheckpointInput> {
  const ids = Array.from({ length: seed % 5 }, (_, i) => BigInt(i) - 2n);
  return {
    appliedIndex: 1000 + seed,
    appliedTerm: 3 + seed,
    stateHash: BigInt(seed) * 0x1234_5678_9abc_defn,
    leases: ids.map((id) => [id, Buffer.from(`lease ${seed}`)]),
    members: ids.map((id) => [BigInt.asUintN(64, id), Buffer.from(`member ${seed}`)]),
    removedMembers: ids.map((id) => [BigInt.asUintN(64, id + 100n), Buffer.alloc(0)]),
    alarms: ids.map((id) => ({ memberId: BigInt.asUintN(64, id), alarm: 1, raised: true })),
    values: [["identity", Buffer.from(`owner ${seed}`)]],
  };
}

/** Opens the store of a directory and fills it with one checkpoint of these requests, compacted half-way. */
export async function filledStore(
  directory: string,
  requests: readonly (readonly Operation[])[],
  seed: number,
): Promise<StoreWriter> {
  const store = StoreWriter.open(directory);
  const model = new ChangeModel();
  for (const request of requests) model.apply(request);
  const compactRevision = seed % 2 === 0 ? -1 : Math.floor(model.revision / 2);
  const more = { ...smallRows(seed), compactRevision, revision: model.revision };
  const range = { from: 0, to: model.changes.length };
  await finish(store.startCheckpoint(checkpointOf(model.changes, range, more)));
  if (seed % 3 === 0) await finishCompaction(store);
  store.reader.refresh();
  return store;
}

/** Puts of so many keys, values of a length each. */
export function putsOf(count: number, valueBytes: number, prefix = "key"): Operation[][] {
  return Array.from({ length: count }, (_, i) => [
    {
      kind: "put" as const,
      key: Buffer.from(`${prefix}${i}`),
      value: Buffer.alloc(valueBytes, i),
      lease: BigInt(i % 3),
    },
  ]);
}
