import assert from "node:assert/strict";
import {
  Compare_CompareResult,
  Compare_CompareTarget,
  type DeepPartial,
  type RequestOp,
  type ResponseHeader,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import type { Random } from "../../support/random.js";
import type { Calls } from "./calls.js";
import type { Change, Operation, Oracle } from "./oracle.js";
import { describeValue, markedValue } from "./value.js";

/** What the clients of a load do. */
export interface LoadShape {
  /** In the names of its groups: loads of different shape do not share groups. */
  readonly name: string;
  readonly clients: number;
  readonly connections: number;
  /** Smallest and largest value. */
  readonly valueBytes: readonly [low: number, high: number];
  /** Keys that each client has for itself. */
  readonly ownKeys: number;
  /** Groups of keys that all clients write in transactions: all keys of a group are equal, always. */
  readonly groups: number;
  readonly groupKeys: number;
}

/** Keys of a group share this prefix. */
export function groupPrefix(shape: LoadShape, group: number): string {
  return `group/${shape.name}/${group}/`;
}

/** A lease that outlives every test. */
const LEASE_TTL_SECONDS = 36_000;
const LEASED_KEYS = 4;

interface Reply {
  readonly header: ResponseHeader | undefined;
}

/** One sequential client: writes keys of its own, and groups that it shares with the others. */
export class LoadClient {
  readonly #calls: Calls;
  readonly #oracle: Oracle;
  readonly #random: Random;
  readonly #shape: LoadShape;
  readonly #prefix: string;
  /** Own keys that there are now, and those attached to the lease. */
  readonly #live: Set<string>;
  readonly #attached: Set<string>;
  #lease: bigint | undefined;

  constructor(number: number, parts: LoadClientParts) {
    this.#calls = parts.calls;
    this.#oracle = parts.oracle;
    this.#random = parts.random;
    this.#shape = parts.shape;
    this.#prefix = `own/${number}/`;
    this.#live = new Set(parts.oracle.keysWith(this.#prefix));
    this.#attached = new Set(parts.oracle.keysWith(this.#leasedPrefix));
    const [leased] = this.#attached;
    this.#lease = leased === undefined ? undefined : parts.oracle.leaseOf(leased);
  }

  /** Makes one random call and tells the oracle of it. Rejects when it failed. */
  step(): Promise<void> {
    const action = this.#random.weighted<() => Promise<void>>([
      [50, () => this.#putOwn()],
      [8, () => this.#deleteOwn()],
      [4, () => this.#deleteAllOwn()],
      [14, () => this.#writeGroup()],
      [8, () => this.#compareAndWriteGroup()],
      [4, () => this.#mixedTxn()],
      [5, () => this.#readGroup()],
      [10, () => this.#putLeased()],
      [2, () => this.#revoke()],
    ]);
    return action();
  }

  get #leasedPrefix(): string {
    return `leased/${this.#prefix}`;
  }

  async #write(operation: Operation, send: () => Promise<Reply>): Promise<void> {
    const floor = this.#oracle.begin(operation);
    const { header } = await send();
    this.#oracle.acknowledge(operation, { revision: revisionOf(header), outcome: 0, floor });
  }

  async #putOwn(): Promise<void> {
    const key = this.#randomOwnKey();
    const { id, put, value } = this.#newPut(key);
    await this.#write({ id, outcomes: [[put]] }, () => this.#calls.put(key, value));
    this.#live.add(key);
  }

  async #deleteOwn(): Promise<void> {
    const key = this.#randomOwnKey();
    const gone = [...this.#live].filter((live) => live === key);
    const operation = { id: this.#oracle.nextId(), outcomes: [gone.map(deleted)] };
    await this.#write(operation, () => this.#calls.deleteRange(key));
    this.#live.delete(key);
  }

  async #deleteAllOwn(): Promise<void> {
    const gone = [...this.#live].sort();
    const operation = { id: this.#oracle.nextId(), outcomes: [gone.map(deleted)] };
    await this.#write(operation, () => this.#calls.deleteRange(this.#prefix, `${this.#prefix}~`));
    this.#live.clear();
  }

  /** A put, a delete and a whole group in one transaction. */
  async #mixedTxn(): Promise<void> {
    const key = this.#randomOwnKey();
    const doomed = [...this.#live].filter((live) => live !== key).slice(0, 1);
    const { id, put, value } = this.#newPut(key);
    const group = this.#groupPuts(put.bytes);
    const success: DeepPartial<RequestOp>[] = [
      putOp(key, value),
      ...doomed.map(deleteOp),
      ...group.map((change) => putOp(change.key, value)),
    ];
    const operation = { id, outcomes: [[put, ...doomed.map(deleted), ...group]] };
    await this.#write(operation, () => this.#calls.txn({ success }));
    this.#live.add(key);
    for (const gone of doomed) this.#live.delete(gone);
  }

  async #writeGroup(): Promise<void> {
    const { id, put, value } = this.#newPut("");
    const group = this.#groupPuts(put.bytes);
    const success = group.map((change) => putOp(change.key, value));
    await this.#write({ id, outcomes: [group] }, () => this.#calls.txn({ success }));
  }

  /** Writes a group if its first key is as it was read just before: others get in between now and then. */
  async #compareAndWriteGroup(): Promise<void> {
    const { id, put, value } = this.#newPut("");
    const group = this.#groupPuts(put.bytes);
    const key = Buffer.from(group[0]?.key ?? "");
    const before = await this.#calls.range({ key });
    const compare = {
      key,
      target: Compare_CompareTarget.MOD,
      result: Compare_CompareResult.EQUAL,
      targetUnion: { $case: "modRevision", value: before.kvs[0]?.modRevision ?? 0n },
    } as const;
    const success = group.map((change) => putOp(change.key, value));
    const operation = { id, outcomes: [group, []] };
    const floor = this.#oracle.begin(operation);
    const { header, succeeded } = await this.#calls.txn({ compare: [compare], success });
    const outcome = succeeded ? 0 : 1;
    this.#oracle.acknowledge(operation, { revision: revisionOf(header), outcome, floor });
  }

  /** A linearizable read of a group: all keys of it equal, and nothing older than what was out before. */
  async #readGroup(): Promise<void> {
    const prefix = this.#randomGroup();
    const floor = this.#oracle.highestRevision;
    const range = { key: Buffer.from(prefix), rangeEnd: Buffer.from(`${prefix}~`) };
    const { header, kvs } = await this.#calls.range(range);
    this.#oracle.observe(revisionOf(header), floor);
    const values = new Set(
      kvs.map(({ value, modRevision }) => `${describeValue(value)}@${modRevision}`),
    );
    assert.ok(values.size <= 1, `half a transaction was read: ${[...values].join(", ")}`);
  }

  async #putLeased(): Promise<void> {
    this.#lease ??= await this.#grant();
    const lease = this.#lease;
    const key = `${this.#leasedPrefix}${this.#random.integer(0, LEASED_KEYS - 1)}`;
    const { id, put, value } = this.#newPut(key);
    const operation = { id, outcomes: [[{ ...put, lease }]] };
    await this.#write(operation, () => this.#calls.put(key, value, lease));
    this.#attached.add(key);
  }

  async #grant(): Promise<bigint> {
    const lease = BigInt(this.#oracle.nextId());
    this.#oracle.beginGrant(lease);
    await this.#calls.leaseGrant(lease, LEASE_TTL_SECONDS);
    this.#oracle.granted(lease);
    return lease;
  }

  /** Ends the own lease, and with it all keys that hang on it, in one revision. */
  async #revoke(): Promise<void> {
    const lease = this.#lease;
    if (lease === undefined) return this.#putLeased();
    const attached = [...this.#attached].sort();
    const operation = {
      id: this.#oracle.nextId(),
      outcomes: [attached.map(deleted)],
      revokes: lease,
    };
    await this.#write(operation, () => this.#calls.leaseRevoke(lease));
    this.#attached.clear();
    this.#lease = undefined;
  }

  #randomGroup(): string {
    return groupPrefix(this.#shape, this.#random.integer(0, this.#shape.groups - 1));
  }

  #randomOwnKey(): string {
    return `${this.#prefix}${this.#random.integer(0, this.#shape.ownKeys - 1)}`;
  }

  #newPut(key: string): NewPut {
    const id = this.#oracle.nextId();
    const [low, high] = this.#shape.valueBytes;
    const bytes = this.#random.integer(low, high);
    return { id, put: { kind: "put", key, bytes, lease: 0n }, value: markedValue(id, bytes) };
  }

  #groupPuts(bytes: number): Extract<Change, { kind: "put" }>[] {
    const prefix = this.#randomGroup();
    return Array.from({ length: this.#shape.groupKeys }, (_, i) => ({
      ...{ kind: "put", key: `${prefix}${i}`, bytes, lease: 0n },
    }));
  }
}

/** What a client is made of. */
export interface LoadClientParts {
  readonly calls: Calls;
  readonly oracle: Oracle;
  readonly random: Random;
  readonly shape: LoadShape;
}

interface NewPut {
  readonly id: number;
  readonly put: Extract<Change, { kind: "put" }>;
  readonly value: Buffer;
}

function revisionOf(header: ResponseHeader | undefined): number {
  assert.ok(header !== undefined, "answer without a header");
  return Number(header.revision);
}

function deleted(key: string): Change {
  return { kind: "delete", key };
}

function putOp(key: string, value: Uint8Array): DeepPartial<RequestOp> {
  return { request: { $case: "requestPut", value: { key: Buffer.from(key), value } } };
}

function deleteOp(key: string): DeepPartial<RequestOp> {
  return { request: { $case: "requestDeleteRange", value: { key: Buffer.from(key) } } };
}
