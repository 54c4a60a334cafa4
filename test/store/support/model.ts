import type { CheckpointInput } from "../../../src/apply-worker/store/checkpoint.js";
import type { StoreWriter } from "../../../src/apply-worker/store/store-writer.js";
import type { WriteRun } from "../../../src/apply-worker/store/write-run.js";
import { encodeKeyValue } from "../../../src/shared/mvcc/key-value.js";
import type { Change, DeltaChange } from "../../../src/shared/mvcc/types.js";

/** One change to make: a put with a value and lease, or a delete. */
export type Operation =
  | {
      readonly kind: "put";
      readonly key: Uint8Array;
      readonly value: Uint8Array;
      readonly lease: bigint;
    }
  | { readonly kind: "delete"; readonly key: Uint8Array };

interface LiveKey {
  readonly createRevision: number;
  readonly version: number;
}

/** Gives operations their revisions (M-01 to M-07), as the apply worker does. */
export class ChangeModel {
  readonly changes: Change[] = [];
  revision = 1;
  readonly #live = new Map<string, LiveKey>();

  /** Applies one request; deletes of missing keys change nothing. */
  apply(operations: readonly Operation[]): void {
    const main = this.revision + 1;
    let sub = 0;
    for (const operation of operations) {
      const change = this.#change(operation, main, sub);
      if (!change) continue;
      this.changes.push(change);
      sub += 1;
    }
    if (sub > 0) this.revision = main;
  }

  #change(operation: Operation, main: number, sub: number): Change | undefined {
    const name = Buffer.from(operation.key).toString("hex");
    const live = this.#live.get(name);
    const { key } = operation;
    if (operation.kind === "delete") {
      if (!live) return undefined;
      this.#live.delete(name);
      return {
        key,
        keyValue: storedForm({ key, main: 0, createRevision: 0, version: 0 }),
        main,
        sub,
        tombstone: true,
        createRevision: 0,
        version: 0,
        lease: 0n,
      };
    }
    const createRevision = live?.createRevision ?? main;
    const version = (live?.version ?? 0) + 1;
    this.#live.set(name, { createRevision, version });
    const { value, lease } = operation;
    return {
      key,
      keyValue: storedForm({ key, main, createRevision, version, value, lease }),
      main,
      sub,
      tombstone: false,
      createRevision,
      version,
      lease,
    };
  }
}

function storedForm(fields: {
  readonly key: Uint8Array;
  readonly main: number;
  readonly createRevision: number;
  readonly version: number;
  readonly value?: Uint8Array;
  readonly lease?: bigint;
}): Uint8Array {
  return encodeKeyValue({
    key: fields.key,
    createRevision: fields.createRevision,
    modRevision: fields.main,
    version: fields.version,
    value: fields.value ?? new Uint8Array(0),
    lease: fields.lease ?? 0n,
  });
}

/** A checkpoint of `changes[from, to)`; everything else may be overridden. */
export function checkpointOf(
  changes: readonly Change[],
  range: { readonly from: number; readonly to: number },
  overrides: Partial<CheckpointInput> = {},
): CheckpointInput {
  return {
    from: { segment: 0, offset: range.from },
    to: { segment: 0, offset: range.to },
    forEachChange: (from, to, visit) => {
      for (let index = from.offset; index < to.offset; index++) {
        const change = changes[index];
        if (!change || !visit(deltaChange(changes, change, index))) return;
      }
    },
    appliedIndex: range.to,
    appliedTerm: 1,
    revision: changes[range.to - 1]?.main ?? 1,
    compactRevision: -1,
    stateHash: 0n,
    leases: [],
    members: [],
    removedMembers: [],
    alarms: [],
    values: [],
    ...overrides,
  };
}

/** Steps a run to its end, yielding to the event loop as the apply worker does. */
export async function finish<T>(run: WriteRun<T>, budgetMs = 1): Promise<T> {
  while (run.state === "opening" || run.state === "writing" || run.state === "committing") {
    run.step(budgetMs);
    await nextTurn();
  }
  return run.finished;
}

/** Runs the pending compaction to its end. */
export async function finishCompaction(store: StoreWriter): Promise<void> {
  while (store.isCompactionPending) await finish(store.startCompaction());
}

/** The next turn of the event loop. */
export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function deltaChange(changes: readonly Change[], change: Change, index: number): DeltaChange {
  return {
    ...change,
    position: { segment: 0, offset: index },
    lastOfRevision: changes[index + 1]?.main !== change.main,
  };
}
