import { type KvInput, type KvOutput, keysOf } from "./kv-operation.js";
import type { Operation } from "./model.js";

type KvOperation = Operation<KvInput, KvOutput>;

/**
 * The operations by key. Keys that one transaction names belong together. Linearizability is local: a
 * history is linearizable when each part is.
 */
export function partitionByKey(operations: readonly KvOperation[]): KvOperation[][] {
  const parents = new Map<string, string>();
  const rootOf = (key: string): string => {
    let root = key;
    for (let up = parents.get(root); up !== undefined; up = parents.get(root)) root = up;
    // The next look-up of this key takes one step.
    if (root !== key) parents.set(key, root);
    return root;
  };
  for (const { input } of operations) {
    const [first, ...others] = keysOf(input);
    for (const other of others) {
      const [a, b] = [rootOf(first ?? ""), rootOf(other)];
      if (a !== b) parents.set(b, a);
    }
  }
  const parts = new Map<string, KvOperation[]>();
  for (const operation of operations) {
    const [first] = keysOf(operation.input);
    if (first === undefined) continue;
    const root = rootOf(first);
    const part = parts.get(root);
    if (part === undefined) parts.set(root, [operation]);
    else part.push(operation);
  }
  return [...parts.values()];
}
