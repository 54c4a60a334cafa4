import { parentPort, workerData } from "node:worker_threads";
import { Bell } from "../../../src/shared/ring/bell.js";

/** Rings once, and is held up at the gate before the given atomic step of that ring. */
const { bell, gate, step } = workerData as {
  bell: SharedArrayBuffer;
  gate: SharedArrayBuffer;
  step: number;
};
const gateWords = new Int32Array(gate);
const original = {
  add: Atomics.add,
  load: Atomics.load,
  exchange: Atomics.exchange,
  notify: Atomics.notify,
};
let steps = 0;

const holdUp = (): void => {
  steps += 1;
  if (steps !== step) return;
  parentPort?.postMessage("held up");
  Atomics.wait(gateWords, 0, 0);
};

/** The atomic functions that a ring may use, each with a look at the gate before it. */
const held = Object.fromEntries(
  Object.entries(original).map(([name, run]) => [
    name,
    (...args: unknown[]) => {
      holdUp();
      return Reflect.apply(run, Atomics, args);
    },
  ]),
);
const target = new Bell(bell);
Object.assign(Atomics, held);
target.ring();
Object.assign(Atomics, original);
if (steps < step) {
  parentPort?.postMessage("a ring has fewer steps");
  Atomics.wait(gateWords, 0, 0);
}
Atomics.store(gateWords, 1, 1);
Atomics.notify(gateWords, 1);
