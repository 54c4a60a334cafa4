import { parentPort, workerData } from "node:worker_threads";
import { Bell } from "../../../src/shared/ring/bell.js";
import { type WaitKind, waitFor } from "./side.js";

/** Answers every odd number in `ball` by the next even one. */
const options = workerData as {
  mine: SharedArrayBuffer;
  other: SharedArrayBuffer;
  ball: SharedArrayBuffer;
  rounds: number;
  waitKind: WaitKind;
};
const ball = new Int32Array(options.ball);
const mine = new Bell(options.mine);
const other = new Bell(options.other);

parentPort?.on("message", () => {});
for (let round = 0; round < options.rounds; round += 1) {
  for (;;) {
    const seen = mine.count();
    if (Atomics.load(ball, 0) === 2 * round + 1) break;
    await waitFor(mine, options.waitKind, seen);
  }
  Atomics.store(ball, 0, 2 * round + 2);
  other.ring();
}
parentPort?.close();
