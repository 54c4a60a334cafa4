/**
 * Imports the snapshot in argv[3] into the store of argv[2], in slices as short as they come, a line per
 * slice, until it is killed or done.
 */
import { writeSync } from "node:fs";
import { StoreWriter } from "../../../src/apply-worker/store/store-writer.js";
import { nextTurn } from "./model.js";
import { CLUSTER } from "./snapshots.js";

const [, , directory = "", path = ""] = process.argv;
const store = StoreWriter.open(directory);
const run = store.startImport({ path, clusterId: CLUSTER, values: [] });
while (run.state !== "done" && run.state !== "failed") {
  if (run.step(0) !== "opening") writeSync(1, "slice\n");
  await nextTurn();
}
await run.finished;
await store.close();
