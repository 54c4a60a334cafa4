/**
 * Writes a fixed history into the store of argv[2] in many checkpoints with compactions between, as fast
 * as it can, until it is killed. Prints a line per finished run.
 */
import { StoreWriter } from "../../../src/apply-worker/store/store-writer.js";
import { crashHistory } from "./crash-history.js";
import { checkpointOf, finish } from "./model.js";

const { changes } = crashHistory();
const store = StoreWriter.open(process.argv[2] ?? "");
let written = store.state.appliedIndex;
while (written < changes.length) {
  const to = Math.min(written + 150, changes.length);
  const revision = changes[to - 1]?.main ?? 1;
  const compactRevision = Math.max(revision - 100, -1);
  const input = checkpointOf(changes, { from: written, to }, { compactRevision });
  await finish(store.startCheckpoint(input));
  written = to;
  process.stdout.write(`${written}\n`);
  if (store.isCompactionPending) await finish(store.startCompaction());
  store.reader.refresh();
}
await store.close();
