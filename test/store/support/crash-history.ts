import { ChangeModel } from "./model.js";

/** The history that the crash test's child writes: one change per revision. */
export function crashHistory(): ChangeModel {
  const model = new ChangeModel();
  for (let index = 0; index < 30_000; index++) {
    const key = Buffer.from(`key-${(index * 7919) % 500}`);
    if (index % 11 === 10) model.apply([{ kind: "delete", key }]);
    else model.apply([{ kind: "put", key, value: Buffer.alloc(200, index), lease: 0n }]);
  }
  return model;
}
