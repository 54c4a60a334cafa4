/**
 * Reads a store from a thread of its own until told to stop: takes a snapshot again and again, and posts
 * an error when what it sees is not of one moment. Posts the number of snapshots at its end.
 */
import { parentPort, workerData } from "node:worker_threads";
import { LmdbBaseReader } from "../../../src/shared/mvcc/base/lmdb-base-reader.js";

const { directory, stop } = workerData as { directory: string; stop: Int32Array };
const reader = LmdbBaseReader.open(directory);
const seen = { snapshots: 0, revisions: new Set<number>(), wrong: "" };
while (Atomics.load(stop, 0) === 0 && seen.wrong === "") {
  reader.refresh();
  seen.snapshots += 1;
  seen.revisions.add(reader.revision);
  reader.visitKeys(new Uint8Array(0), undefined, (key, record) => {
    const newest = record.revisions[record.revisions.length - 1];
    if (!newest || newest.main > reader.revision) seen.wrong = `${key} is ahead of the revision`;
    else if (reader.keyValue(newest).length === 0) seen.wrong = `${key} has no value`;
    return seen.wrong === "";
  });
}
await reader.close();
parentPort?.postMessage({
  snapshots: seen.snapshots,
  revisions: seen.revisions.size,
  wrong: seen.wrong,
});
