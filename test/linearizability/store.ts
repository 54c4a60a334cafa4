import { type Change, History, type RevisionChanges } from "../support/linearizability/history.js";
import type {
  Guard,
  KeyView,
  KvInput,
  KvOutput,
  KvStep,
  KvStepOutput,
} from "../support/linearizability/kv-operation.js";
import type { Operation } from "../support/linearizability/model.js";
import type { Random } from "../support/random.js";

/** An operation on the keys. */
export type KvOperation = Operation<KvInput, KvOutput>;

/** A store of one thread, written the plain way: what a right server answers. */
export class PlainStore {
  revision = 1;
  readonly revisions: RevisionChanges[] = [];
  readonly #keys = new Map<string, KeyView>();

  run(input: KvInput): KvOutput {
    const succeeded = input.guards.every((guard) => this.#holds(guard));
    const branch = succeeded ? input.success : input.failure;
    const writes = branch.some(({ kind, key }) =>
      kind === "delete" ? this.#keys.has(key) : kind === "put",
    );
    if (writes) {
      this.revision += 1;
      this.revisions.push({ revision: this.revision, changes: [] });
    }
    return { revision: this.revision, succeeded, steps: branch.map((step) => this.#step(step)) };
  }

  get(key: string): KeyView | undefined {
    return this.#keys.get(key);
  }

  #holds({ key, target, is, than }: Guard): boolean {
    const view = this.#keys.get(key);
    const left = view?.[target] ?? (target === "value" ? undefined : 0);
    if (left === undefined) return false;
    if (is === "=" || is === "!=") return (left === than) === (is === "=");
    return is === "<" ? left < than : left > than;
  }

  #step(step: KvStep): KvStepOutput {
    const found = this.#keys.get(step.key);
    if (step.kind === "get") return { kind: "get", found };
    if (step.kind === "delete") {
      if (!this.#keys.delete(step.key)) return { kind: "delete", deleted: 0 };
      this.#changed({ kind: "delete", key: step.key, modRevision: this.revision });
      return { kind: "delete", deleted: 1 };
    }
    const view = {
      value: step.value,
      createRevision: found?.createRevision ?? this.revision,
      modRevision: this.revision,
      version: (found?.version ?? 0) + 1,
    };
    this.#keys.set(step.key, view);
    this.#changed({ ...step, ...view });
    return { kind: "put" };
  }

  #changed(change: Change): void {
    const last = this.revisions.at(-1);
    if (last === undefined) throw new Error("a change without a revision");
    this.revisions[this.revisions.length - 1] = { ...last, changes: [...last.changes, change] };
  }
}

/** What a made-up history is made of. */
export interface HistoryShape {
  readonly clients: number;
  readonly operations: number;
  readonly keys: number;
  /** Chance that nobody hears the answer. */
  readonly unknown: number;
}

/** A history of clients that call one right store: linearizable by its making. */
export function rightHistory(
  random: Random,
  shape: HistoryShape,
): { readonly operations: KvOperation[]; readonly history: History } {
  const store = new PlainStore();
  const freeAt = Array.from({ length: shape.clients }, () => 0);
  const calls = Array.from({ length: shape.operations }, () => {
    const client = random.integer(0, shape.clients - 1);
    const invokedAt = (freeAt[client] ?? 0) + random.integer(1, 10);
    const happensAt = invokedAt + random.integer(0, 20);
    const returnedAt = happensAt + random.integer(0, 20);
    freeAt[client] = returnedAt;
    return { client, invokedAt, happensAt, returnedAt };
  });
  calls.sort((a, b) => a.happensAt - b.happensAt);
  const operations = calls.flatMap(({ client, invokedAt, returnedAt }, number) => {
    const input = randomInput(random, { store, number, keys: shape.keys });
    const isUnknown = random.chance(shape.unknown);
    if (isUnknown && random.chance(0.5)) return [lost({ client, invokedAt, input })];
    const output = store.run(input);
    return [
      isUnknown
        ? lost({ client, invokedAt, input })
        : { client, invokedAt, returnedAt, input, output },
    ];
  });
  return { operations, history: new History(store.revisions) };
}

function lost(call: { client: number; invokedAt: number; input: KvInput }): KvOperation {
  return { ...call, returnedAt: undefined, output: undefined };
}

function randomInput(
  random: Random,
  { store, number, keys }: { store: PlainStore; number: number; keys: number },
): KvInput {
  const key = `k${random.integer(1, keys)}`;
  const put: KvStep = { kind: "put", key, value: `v${number}` };
  const get: KvStep = { kind: "get", key };
  const view = store.get(key);
  const guard = random.pick<Guard>([
    { key, target: "modRevision", is: "=", than: view?.modRevision ?? 0 },
    { key, target: "modRevision", is: random.pick(["<", ">", "!="]), than: store.revision - 1 },
    { key, target: "version", is: "=", than: view?.version ?? 0 },
    { key, target: "createRevision", is: random.pick(["=", "!="]), than: 0 },
    { key, target: "value", is: "=", than: view?.value ?? "v0" },
  ]);
  const other: KvStep = { kind: "put", key: `k${random.integer(1, keys)}`, value: `w${number}` };
  return random.weighted<KvInput>([
    [3, { guards: [], success: [put], failure: [] }],
    [3, { guards: [], success: [get], failure: [] }],
    [1, { guards: [], success: [{ kind: "delete", key }], failure: [] }],
    [2, { guards: [guard], success: [put, get], failure: [get] }],
    [
      1,
      {
        guards: [guard],
        success: [{ kind: "delete", key }],
        failure: other.key === key ? [other] : [other, get],
      },
    ],
  ]);
}
