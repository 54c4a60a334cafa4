import { ErrorCode } from "../../../src/shared/errors.js";
import {
  type Compare,
  type DeleteRangeRequest,
  type PutRequest,
  type RangeRequest,
  type RequestOp,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
  type TxnRequest,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { text } from "./machine.js";

/** A key as the twin holds it. */
export interface TwinKey {
  key: string;
  value: string;
  create: number;
  mod: number;
  version: number;
  lease: number;
}

type World = ReadonlyMap<string, TwinKey>;

/** What the twin answers: a code, or plain data. */
export type TwinAnswer = { code: number } | { code: 0; revision: number; answer: unknown };

/**
 * The slow, obvious twin of the state machine's key operations: one whole copy of the world per revision,
 * strings for bytes, and each rule of the contract written down once more, in the contract's words.
 */
export class StoreTwin {
  /** Worlds by revision; the newest is the last. */
  readonly worlds: World[] = [new Map(), new Map()];
  readonly leases = new Set<number>();
  compacted = -1;
  #now: Map<string, TwinKey> = new Map();
  #changes = 0;

  get revision(): number {
    return this.worlds.length - 1;
  }

  put(request: PutRequest): TwinAnswer {
    const code = this.#putRefusal(request);
    if (code !== 0) return { code };
    return this.#write(() => this.#put(request));
  }

  del(request: DeleteRangeRequest): TwinAnswer {
    return this.#write(() => this.#del(request));
  }

  txn(request: TxnRequest): TwinAnswer {
    const verdicts = new Map<TxnRequest, boolean>();
    this.#compareAll(request, verdicts);
    const code = this.#refusal(request, verdicts);
    if (code !== 0) return { code };
    return this.#write(() => this.#txn(request, verdicts));
  }

  compact(revision: number): TwinAnswer {
    if (revision <= this.compacted) return { code: ErrorCode.compacted };
    if (revision > this.revision) return { code: ErrorCode.futureRevision };
    this.compacted = revision;
    return { code: 0, revision: this.revision, answer: {} };
  }

  revoke(lease: number): TwinAnswer {
    if (!this.leases.delete(lease)) return { code: ErrorCode.leaseNotFound };
    return this.#write(() => {
      for (const { key, lease: held } of [...this.#now.values()].sort(byKey)) {
        if (held === lease) this.#remove(key);
      }
      return {};
    });
  }

  #write(work: () => unknown): TwinAnswer {
    this.#now = new Map(this.worlds.at(-1));
    this.#changes = 0;
    const answer = work();
    if (this.#changes > 0) this.worlds.push(this.#now);
    return { code: 0, revision: this.revision, answer };
  }

  /** The revision that the request writes, or has not written. */
  get #headerRevision(): number {
    return this.#changes > 0 ? this.revision + 1 : this.revision;
  }

  #put(request: PutRequest): unknown {
    const key = text(request.key);
    const old = this.#now.get(key);
    const mod = this.revision + 1;
    this.#now.set(key, {
      key,
      value: request.ignoreValue ? (old?.value ?? "") : text(request.value),
      create: old?.create ?? mod,
      mod,
      version: (old?.version ?? 0) + 1,
      lease: request.ignoreLease ? (old?.lease ?? 0) : Number(request.lease),
    });
    this.#changes += 1;
    return { prevKv: request.prevKv ? old : undefined };
  }

  #del(request: DeleteRangeRequest): unknown {
    const doomed = inRange(this.#now, text(request.key), text(request.rangeEnd));
    for (const { key } of doomed) this.#remove(key);
    return { deleted: doomed.length, prevKvs: request.prevKv ? doomed : [] };
  }

  #remove(key: string): void {
    this.#now.delete(key);
    this.#changes += 1;
  }

  #range(request: RangeRequest): unknown {
    const asked = Number(request.revision);
    const world = asked > 0 ? this.worlds[asked] : this.#now;
    const found = inRange(world ?? new Map(), text(request.key), text(request.rangeEnd));
    const limit = Number(request.limit);
    const kvs = limit > 0 ? found.slice(0, limit) : found;
    return { kvs, count: found.length, more: kvs.length < found.length };
  }

  #txn(request: TxnRequest, verdicts: Map<TxnRequest, boolean>): unknown {
    const succeeded = verdicts.get(request) === true;
    const branch = succeeded ? request.success : request.failure;
    const responses = branch.map(({ request: op }) => {
      if (op?.$case === "requestTxn") return { revision: 0, answer: this.#txn(op.value, verdicts) };
      const answer = this.#single(op);
      return { revision: this.#headerRevision, answer };
    });
    return { succeeded, responses };
  }

  #single(op: RequestOp["request"]): unknown {
    if (op?.$case === "requestPut") return this.#put(op.value);
    if (op?.$case === "requestDeleteRange") return this.#del(op.value);
    if (op?.$case === "requestRange") return this.#range(op.value);
    throw new Error("not a single op");
  }

  /** T-11: the whole tree, before anything. */
  #compareAll(request: TxnRequest, verdicts: Map<TxnRequest, boolean>): void {
    const world = this.worlds.at(-1) ?? new Map();
    verdicts.set(
      request,
      request.compare.every((one) => holds(world, one)),
    );
    for (const { request: op } of [...request.success, ...request.failure]) {
      if (op?.$case === "requestTxn") this.#compareAll(op.value, verdicts);
    }
  }

  /** T-15, along the taken path in order. */
  #refusal(request: TxnRequest, verdicts: Map<TxnRequest, boolean>): number {
    const branch = verdicts.get(request) ? request.success : request.failure;
    for (const { request: op } of branch) {
      let code = 0;
      if (op?.$case === "requestPut") code = this.#putRefusal(op.value);
      if (op?.$case === "requestRange") code = this.#rangeRefusal(Number(op.value.revision));
      if (op?.$case === "requestTxn") code = this.#refusal(op.value, verdicts);
      if (code !== 0) return code;
    }
    return 0;
  }

  #rangeRefusal(revision: number): number {
    if (revision > this.revision) return ErrorCode.futureRevision;
    return revision !== 0 && revision < this.compacted ? ErrorCode.compacted : 0;
  }

  #putRefusal(request: PutRequest): number {
    const lease = Number(request.lease);
    if (lease !== 0 && !this.leases.has(lease)) return ErrorCode.leaseNotFound;
    const needed = request.ignoreValue || request.ignoreLease;
    const exists = this.worlds.at(-1)?.has(text(request.key));
    return needed && !exists ? ErrorCode.keyNotFound : 0;
  }
}

function inRange(world: World, key: string, end: string): TwinKey[] {
  return [...world.values()]
    .filter((one) => {
      if (end === "") return one.key === key;
      return one.key >= key && (end === "\0" || one.key < end);
    })
    .sort(byKey);
}

function byKey(a: TwinKey, b: TwinKey): number {
  return a.key < b.key ? -1 : 1;
}

/** T-12 to T-14. */
function holds(world: World, compare: Compare): boolean {
  const found = inRange(world, text(compare.key), text(compare.rangeEnd));
  if (found.length === 0 && compare.target === Target.VALUE) return false;
  const subjects = found.length === 0 ? [undefined] : found;
  return subjects.every((subject) => {
    const sign = order(compare, subject);
    if (compare.result === Result.EQUAL) return sign === 0;
    if (compare.result === Result.NOT_EQUAL) return sign !== 0;
    if (compare.result === Result.GREATER) return sign > 0;
    return sign < 0;
  });
}

function order(compare: Compare, subject: TwinKey | undefined): number {
  const given = compare.targetUnion;
  if (compare.target === Target.VALUE) {
    const value = given?.$case === "value" ? text(given.value) : "";
    const stored = subject?.value ?? "";
    return stored === value ? 0 : stored < value ? -1 : 1;
  }
  const fields = {
    [Target.VERSION]: ["version", subject?.version],
    [Target.CREATE]: ["createRevision", subject?.create],
    [Target.MOD]: ["modRevision", subject?.mod],
    [Target.LEASE]: ["lease", subject?.lease],
  } as const;
  const [name, stored] = fields[compare.target as keyof typeof fields];
  const number = given?.$case === name ? Number(given.value) : 0;
  return (stored ?? 0) - number;
}
