import { guardsHold, settledByGuards } from "./kv-guard.js";
import {
  describeKv,
  didWrite,
  type KvInput,
  type KvOutput,
  type KvStep,
  type KvStepOutput,
  keysOf,
  mayWrite,
} from "./kv-operation.js";
import { EMPTY_STORE, type KvState, seen, stateKey, withKey, withPut } from "./kv-state.js";
import type { Model } from "./model.js";
import { partitionByKey } from "./partition.js";

/**
 * etcd's keys as one machine: puts, deletes, reads and transactions, with revisions and versions. A write's
 * revision is above all that came before it, a read's not below.
 */
export const KV_MODEL: Model<KvState, KvInput, KvOutput> = {
  init: () => EMPTY_STORE,
  step,
  stepUnknown,
  key: stateKey,
  touches: keysOf,
  hopeless,
  partition: partitionByKey,
  describe: describeKv,
};

function step(state: KvState, input: KvInput, output: KvOutput): KvState | undefined {
  const holds = guardsHold(state, input);
  if (holds !== "open" && (holds === "yes") !== output.succeeded) return undefined;
  if (hopeless(state, output)) return undefined;

  const branch = output.succeeded ? input.success : input.failure;
  if (branch.length !== output.steps.length) return undefined;
  let after: KvState | undefined =
    holds === "open" && output.succeeded ? settledByGuards(state, input) : state;
  for (const [index, one] of branch.entries()) {
    after = stepAnswered(after, { one, told: output.steps[index], revision: output.revision });
    if (after === undefined) return undefined;
  }
  return { revision: output.revision, keys: after.keys };
}

/** Revisions only grow: a write below the store's revision, or a read that did not see it, is too late. */
function hopeless(state: KvState, output: KvOutput): boolean {
  return didWrite(output) ? output.revision <= state.revision : output.revision < state.revision;
}

function stepAnswered(
  state: KvState,
  { one, told, revision }: { one: KvStep; told: KvStepOutput | undefined; revision: number },
): KvState | undefined {
  if (one.kind === "get") {
    if (told?.kind === "unseen") return state;
    return told?.kind === "get"
      ? noLater(seen(state, one.key, told.found), told, revision)
      : undefined;
  }
  if (told?.kind !== one.kind) return undefined;
  const previous = told.previous;
  const before =
    previous === undefined
      ? state
      : seen(state, one.key, previous === "none" ? undefined : previous);
  if (before === undefined) return undefined;
  if (one.kind === "put") return withPut(before, { key: one.key, value: one.value, revision });
  const deleted = before.keys.has(one.key) ? 1 : 0;
  if (told.kind === "delete" && told.deleted !== deleted) return undefined;
  return deleted === 1 ? withKey(before, one.key, undefined) : before;
}

/** A read cannot show what was written after the revision that it says it saw. */
function noLater(
  state: KvState | undefined,
  told: Extract<KvStepOutput, { kind: "get" }>,
  revision: number,
): KvState | undefined {
  return (told.found?.modRevision ?? 0) <= revision ? state : undefined;
}

function stepUnknown(state: KvState, input: KvInput): readonly KvState[] {
  if (!mayWrite(input)) return [];
  const holds = guardsHold(state, input);
  const outcomes: KvState[] = [];
  const settled = settledByGuards(state, input);
  if (holds !== "no") outcomes.push(written(settled, input.success));
  if (holds !== "yes") outcomes.push(written(state, input.failure));
  return outcomes.filter((outcome) => outcome !== state && outcome !== settled);
}

/**
 * The state after a branch whose revision nobody knows; the same state when it writes nothing. The store's
 * revision stays the lower bound that it was, so that an unknown write commutes with writes of other keys.
 */
function written(state: KvState, branch: readonly KvStep[]): KvState {
  const bounds = branch.map(({ key }) => state.keys.get(key)?.modRevision ?? 0);
  const above = Math.max(
    ...bounds.map((bound) => (typeof bound === "number" ? bound : bound.above)),
  );
  let after = state;
  for (const step of branch) {
    if (step.kind === "put") after = withPut(after, { ...step, revision: { above } });
    else if (step.kind === "delete" && after.keys.has(step.key)) {
      after = withKey(after, step.key, undefined);
    }
  }
  return after;
}
