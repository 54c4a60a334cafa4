import {
  Compare_CompareResult,
  Compare_CompareTarget,
  RangeRequest,
  RangeRequest_SortOrder,
  RangeRequest_SortTarget,
  RangeResponse,
  TxnRequest,
  TxnResponse,
  WatchRequest,
  WatchResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { Event_EventType } from "../../../src/shared/gen/mvccpb/kv.js";
import { type Connection, call, RPC } from "../../client/connection.js";
import { prefixEnd } from "../../wire/bench-key.js";
import type { Locker } from "./locker.js";

/**
 * A lock made of keys, as etcd's clients make it: everybody who wants it creates a key below one prefix,
 * the oldest key has it, and each waits for the key just before its own to go.
 */
export class Mutex implements Locker {
  readonly #connection: Connection;
  readonly #prefix: string;
  readonly #key: Buffer;
  readonly #lease: bigint;

  /** A client must have a lease of its own: its key is named by it. */
  constructor(connection: Connection, name: string, lease: bigint) {
    this.#connection = connection;
    this.#prefix = `${name}/`;
    this.#key = Buffer.from(`${this.#prefix}${lease.toString(16)}`);
    this.#lease = lease;
  }

  async lock(): Promise<void> {
    const revision = await this.#createKey();
    for (;;) {
      const before = await this.#keyBefore(revision);
      if (before === undefined) return;
      await this.#whenDeleted(before.key, before.revision + 1n);
    }
  }

  async unlock(): Promise<void> {
    const value = { key: this.#key };
    const request = TxnRequest.fromPartial({
      success: [{ request: { $case: "requestDeleteRange", value } }],
    });
    await call(this.#connection, RPC.txn, Buffer.from(TxnRequest.encode(request).finish()));
  }

  /** Gives the revision at which the key was created: its place in the queue. */
  async #createKey(): Promise<bigint> {
    const key = this.#key;
    const request = TxnRequest.fromPartial({
      compare: [
        {
          key,
          target: Compare_CompareTarget.CREATE,
          result: Compare_CompareResult.EQUAL,
          targetUnion: { $case: "createRevision", value: 0n },
        },
      ],
      success: [{ request: { $case: "requestPut", value: { key, lease: this.#lease } } }],
      failure: [{ request: { $case: "requestRange", value: { key } } }],
    });
    const bytes = Buffer.from(TxnRequest.encode(request).finish());
    const answer = TxnResponse.decode(await call(this.#connection, RPC.txn, bytes));
    if (answer.succeeded) return answer.header?.revision ?? 0n;
    const response = answer.responses[0]?.response;
    const kv = response?.$case === "responseRange" ? response.value.kvs[0] : undefined;
    return kv?.createRevision ?? 0n;
  }

  /** The youngest key that is older than this, and the revision of the answer. */
  async #keyBefore(revision: bigint): Promise<{ key: Buffer; revision: bigint } | undefined> {
    const request = RangeRequest.fromPartial({
      key: Buffer.from(this.#prefix),
      rangeEnd: prefixEnd(this.#prefix),
      maxCreateRevision: revision - 1n,
      sortTarget: RangeRequest_SortTarget.CREATE,
      sortOrder: RangeRequest_SortOrder.DESCEND,
      limit: 1n,
    });
    const bytes = Buffer.from(RangeRequest.encode(request).finish());
    const { kvs, header } = RangeResponse.decode(await call(this.#connection, RPC.range, bytes));
    const [kv] = kvs;
    if (kv === undefined) return undefined;
    return { key: Buffer.from(kv.key), revision: header?.revision ?? 0n };
  }

  #whenDeleted(key: Buffer, startRevision: bigint): Promise<void> {
    const value = { key, startRevision };
    const create = WatchRequest.fromPartial({ requestUnion: { $case: "createRequest", value } });
    return new Promise((resolve, reject) => {
      const stream = this.#connection.bidi(RPC.watch, {
        onMessage: (message) => {
          const { events, canceled } = WatchResponse.decode(message);
          if (canceled) reject(new Error("a watcher was cancelled"));
          if (!events.some(({ type }) => type === Event_EventType.DELETE)) return;
          stream.end();
          resolve();
        },
        onEnd: (failure) => reject(failure ?? new Error("a watch stream ended")),
      });
      stream.send(Buffer.from(WatchRequest.encode(create).finish()));
    });
  }
}
