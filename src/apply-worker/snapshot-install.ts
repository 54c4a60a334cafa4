import { setImmediate, setTimeout } from "node:timers/promises";
import { CHECKPOINT_SLICE_MS } from "../shared/limits.js";
import { SnapshotError } from "../shared/snapshot/snapshot-format.js";
import type { StoreWriter } from "./store/store-writer.js";
import { encodeIdentity, IDENTITY_VALUE, type StoreIdentity } from "./store-identity.js";

/** How long to let LMDB's own thread open a transaction before the next look. */
const OPENING_POLL_MS = 1;

/**
 * Puts the snapshot of a file in the place of everything that the store holds, in one transaction, and moves
 * the store's reader to it. Gives the event loop its turns. No checkpoint may be open. Rejects with a
 * SnapshotError, and leaves the store as it was, when the file is damaged or not of this cluster.
 */
export async function installSnapshot(
  store: StoreWriter,
  path: string,
  identity: StoreIdentity,
): Promise<void> {
  const run = store.startImport({
    path,
    clusterId: identity.clusterId,
    values: [[IDENTITY_VALUE, encodeIdentity(identity)]],
  });
  for (;;) {
    const state = run.step(CHECKPOINT_SLICE_MS);
    if (state === "writing") await setImmediate();
    else if (state === "opening") await setTimeout(OPENING_POLL_MS);
    else break;
  }
  try {
    await run.finished;
  } catch (error) {
    // The store has nothing to do with what is wrong with the file.
    const isOfFile = error instanceof Error && error.cause instanceof SnapshotError;
    throw isOfFile ? error.cause : error;
  }
  store.reader.refresh();
}
