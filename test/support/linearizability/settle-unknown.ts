import type { History } from "./history.js";
import { guardsHold } from "./kv-guard.js";
import {
  didWrite,
  type KvInput,
  type KvOutput,
  type KvStep,
  type KvStepOutput,
} from "./kv-operation.js";
import type { Operation } from "./model.js";

type KvOperation = Operation<KvInput, KvOutput>;

/** What the history says of the operations. */
export interface Settled {
  /** The known ones, and those of unknown outcome that happened, with their revisions. None is unknown. */
  readonly operations: KvOperation[];
  /** Revisions that no operation can have made. */
  readonly strangers: readonly number[];
}

/**
 * Looks up in the whole history what became of the operations that nobody heard of again: those that
 * happened get their revision, those that left no trace are dropped. The search then has nothing to guess.
 * Puts must have unique values. Of several deletes that may have made a revision the earliest call is taken.
 */
export function settleUnknown(operations: readonly KvOperation[], history: History): Settled {
  const known = operations.filter(({ output }) => output !== undefined);
  const claimed = new Set(
    known.flatMap(({ output }) =>
      output !== undefined && didWrite(output) ? [output.revision] : [],
    ),
  );
  const suspects = suspectsByTrace(operations.filter(({ output }) => output === undefined));
  const seenBy = firstReturns(known);
  const strangers: number[] = [];
  const found = history.revisions.flatMap(({ revision, changes }) => {
    if (claimed.has(revision)) return [];
    const [first] = (suspects.get(changes.map(traceOf).join("; ")) ?? [])
      .filter((suspect) => possibleAt(suspect, revision, history))
      .sort((a, b) => a.operation.invokedAt - b.operation.invokedAt);
    if (first !== undefined) {
      return [settled(first, { revision, history, returnedAt: seenBy(revision) })];
    }
    strangers.push(revision);
    return [];
  });
  return { operations: [...known, ...found], strangers };
}

/** A branch of an operation of unknown outcome. */
interface Suspect {
  readonly operation: KvOperation;
  readonly succeeded: boolean;
  readonly branch: readonly KvStep[];
}

/** By what it leaves in the history: who may have left that. */
function suspectsByTrace(unknown: readonly KvOperation[]): ReadonlyMap<string, Suspect[]> {
  const suspects = new Map<string, Suspect[]>();
  for (const operation of unknown) {
    for (const succeeded of [true, false]) {
      const branch = succeeded ? operation.input.success : operation.input.failure;
      const writes = branch.filter(({ kind }) => kind !== "get");
      // A delete leaves a trace only when the key was there.
      const puts = writes.filter(({ kind }) => kind === "put");
      for (const trace of new Set([writes, puts].map((one) => one.map(traceOf).join("; ")))) {
        const list = suspects.get(trace) ?? [];
        suspects.set(trace, [...list, { operation, succeeded, branch }]);
      }
    }
  }
  return suspects;
}

/** Whether its guards led to that branch then, and the branch to these changes. */
function possibleAt(suspect: Suspect, revision: number, history: History): boolean {
  const { operation, succeeded, branch } = suspect;
  const keys = new Map(
    operation.input.guards.flatMap(({ key }) => {
      const view = history.stateAt(key, revision - 1);
      return view === undefined ? [] : [[key, view] as const];
    }),
  );
  const holds = guardsHold({ revision: revision - 1, keys }, operation.input);
  return (
    (holds === "yes") === succeeded && branch.every((step) => leftTrace(step, revision, history))
  );
}

function leftTrace(step: KvStep, revision: number, history: History): boolean {
  if (step.kind === "get") return true;
  const isThere = history.stateAt(step.key, revision - 1) !== undefined;
  const changed = history.at(revision).some(({ key }) => key === step.key);
  return step.kind === "put" ? changed : changed === isThere;
}

function traceOf(change: { kind: string; key: string; value?: string }): string {
  return `${change.kind} ${change.key}${change.kind === "put" ? `=${change.value}` : ""}`;
}

function settled(
  { operation, succeeded, branch }: Suspect,
  at: { readonly revision: number; readonly history: History; readonly returnedAt: number },
): KvOperation {
  const { revision, history, returnedAt } = at;
  const steps = branch.map(({ kind, key }): KvStepOutput => {
    if (kind !== "delete") return { kind: kind === "get" ? "unseen" : "put" };
    return { kind, deleted: history.at(revision).some((change) => change.key === key) ? 1 : 0 };
  });
  return { ...operation, returnedAt, output: { revision, succeeded, steps } };
}

/** By revision: when somebody first had an answer of that revision or later; it had happened by then. */
function firstReturns(operations: readonly KvOperation[]): (revision: number) => number {
  const answers = operations
    .flatMap(({ output, returnedAt }) =>
      output === undefined || returnedAt === undefined
        ? []
        : [{ revision: output.revision, returnedAt }],
    )
    .sort((a, b) => b.revision - a.revision);
  let earliest = Number.POSITIVE_INFINITY;
  const floors = answers.map(({ revision, returnedAt }) => {
    earliest = Math.min(earliest, returnedAt);
    return { revision, earliest };
  });
  return (revision) => {
    let low = 0;
    let high = floors.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((floors[middle]?.revision ?? 0) >= revision) low = middle + 1;
      else high = middle;
    }
    return floors[low - 1]?.earliest ?? Number.POSITIVE_INFINITY;
  };
}
