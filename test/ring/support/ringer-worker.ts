import { workerData } from "node:worker_threads";
import { Bell } from "../../../src/shared/ring/bell.js";

/** Counts up and rings after each step, with pauses that let the sleeper fall asleep at every moment. */
const { bell, counters, slot, rings } = workerData as {
  bell: SharedArrayBuffer;
  counters: SharedArrayBuffer;
  slot: number;
  rings: number;
};
const words = new Int32Array(counters);
const target = new Bell(bell);
let spun = 0;
for (let i = 0; i < rings; i += 1) {
  Atomics.add(words, slot, 1);
  target.ring();
  for (let spin = (i * 7919) & 1023; spin > 0; spin -= 1) spun ^= Atomics.load(words, slot);
}
// The last count is rung for above; this keeps the pauses from being optimised away.
Atomics.add(words, slot, spun & 0);
