/**
 * Makes a file longer again and again as LMDB commits do, pages first and the meta page that names the
 * newest as its root after them, until it is told to stop. Posts a message when it has begun.
 */
import { closeSync, openSync, writeSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";

const { file, pageBytes, stop } = workerData as {
  readonly file: string;
  readonly pageBytes: number;
  readonly stop: Int32Array;
};
const META_PAGES = 2;
const MAIN_ROOT_OFFSET = 136;
const handle = openSync(file, "r+");
const page = Buffer.alloc(pageBytes);
const root = Buffer.alloc(8);

/** One commit, whose root is the page `index`. */
function commit(index: number): void {
  writeSync(handle, page, 0, pageBytes, index * pageBytes);
  root.writeBigUInt64LE(BigInt(index));
  writeSync(handle, root, 0, root.length, (index % META_PAGES) * pageBytes + MAIN_ROOT_OFFSET);
}

let next = META_PAGES + 1;
commit(next);
parentPort?.postMessage("begun");
while (Atomics.load(stop, 0) === 0) commit(next++);
closeSync(handle);
