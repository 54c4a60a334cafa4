import { randomBytes } from "node:crypto";
import { StoreWriter } from "../../../src/apply-worker/store/store-writer.js";
import { StoreExport } from "../../../src/shared/snapshot/store-export.js";
import { ChangeModel, checkpointOf, finish } from "../../store/support/model.js";
import { CLUSTER_ID } from "./cluster.js";

const VALUE_BYTES = 256 * 1024;
const VALUES_PER_CHECKPOINT = 64;

/** Term of the last entry that a store made here holds. */
export const STORED_TERM = 5;

/** Makes a store of about so many bytes; the index of the last entry that it holds. */
export async function makeStore(directory: string, bytes: number): Promise<number> {
  const store = StoreWriter.open(directory);
  const model = new ChangeModel();
  const value = randomBytes(VALUE_BYTES);
  let from = 0;
  for (let written = 0; written < bytes; ) {
    for (let count = 0; count < VALUES_PER_CHECKPOINT && written < bytes; count += 1) {
      const key = Buffer.from(`key ${written}`);
      model.apply([{ kind: "put", key, value, lease: 0n }]);
      written += VALUE_BYTES;
    }
    const to = model.changes.length;
    const range = checkpointOf(model.changes, { from, to }, { appliedTerm: STORED_TERM });
    await finish(store.startCheckpoint(range), 50);
    from = to;
  }
  const { appliedIndex } = store.state;
  await store.close();
  return appliedIndex;
}

/** The chunks that a member would send of a store. */
export async function exportStore(directory: string): Promise<Buffer[]> {
  const source = StoreExport.open(directory, CLUSTER_ID);
  const chunks: Buffer[] = [];
  for (let chunk = source.next(); chunk !== undefined; chunk = source.next()) {
    chunks.push(Buffer.from(chunk));
  }
  await source.close();
  return chunks;
}
