import type { ClientDuplexStream } from "@grpc/grpc-js";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import {
  KVDefinition,
  LeaseDefinition,
  type LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  MaintenanceDefinition,
  WatchDefinition,
  WatchRequest,
  type WatchResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import type { Operation } from "./operation.js";

/** What a call came to: its response, or the code and text of its failure. */
export type CallOutcome =
  | { readonly ok: true; readonly response: unknown }
  | { readonly ok: false; readonly code: number; readonly message: string };

/** All that one watcher was told, in order. */
export interface WatchTranscript {
  readonly slot: number;
  readonly responses: WatchResponse[];
}

const CALL_TIMEOUT_MS = 15_000;

interface OpenWatch {
  readonly stream: ClientDuplexStream<WatchRequest, WatchResponse>;
  readonly transcript: WatchTranscript;
}

/** One server's side of a differential run. */
export class Session {
  readonly #client: RpcClient;
  readonly #open = new Map<number, OpenWatch>();
  /** Every watcher there was, in order of creation. */
  readonly transcripts: WatchTranscript[] = [];

  constructor(target: string) {
    this.#client = new RpcClient(target);
  }

  /** Carries out one operation and gives what the server answered. */
  async run(operation: Operation): Promise<CallOutcome> {
    try {
      return { ok: true, response: await this.#call(operation) };
    } catch (error) {
      const { code, details } = error as { code?: number; details?: string };
      if (code === undefined) throw error;
      return { ok: false, code, message: details ?? "" };
    }
  }

  /** Ends all streams and the connection. */
  close(): void {
    for (const { stream } of this.#open.values()) stream.cancel();
    this.#client.close();
  }

  #call(operation: Operation): Promise<unknown> {
    const client = this.#client;
    const kv = KVDefinition.methods;
    const lease = LeaseDefinition.methods;
    const options = { timeoutMs: CALL_TIMEOUT_MS };
    switch (operation.kind) {
      case "range":
        return client.unary(KVDefinition, kv.range, operation.request, options);
      case "put":
        return client.unary(KVDefinition, kv.put, operation.request, options);
      case "deleteRange":
        return client.unary(KVDefinition, kv.deleteRange, operation.request, options);
      case "txn":
        return client.unary(KVDefinition, kv.txn, operation.request, options);
      case "compact":
        return client.unary(KVDefinition, kv.compact, operation.request, options);
      case "leaseGrant":
        return client.unary(
          LeaseDefinition,
          lease.leaseGrant,
          { ID: operation.id, TTL: operation.ttl },
          options,
        );
      case "leaseRevoke":
        return client.unary(LeaseDefinition, lease.leaseRevoke, { ID: operation.id }, options);
      case "leaseTimeToLive":
        return client.unary(
          LeaseDefinition,
          lease.leaseTimeToLive,
          { ID: operation.id, keys: operation.keys },
          options,
        );
      case "leaseLeases":
        return client.unary(LeaseDefinition, lease.leaseLeases, {}, options);
      case "leaseKeepAlive":
        return this.#keepAlive(operation.id);
      case "hashKv": {
        const request = { revision: operation.revision };
        return client.unary(
          MaintenanceDefinition,
          MaintenanceDefinition.methods.hashKV,
          request,
          options,
        );
      }
      case "watch":
        return this.#watch(operation.slot, { $case: "createRequest", value: operation.request });
      case "watchCancel":
        return this.#cancel(operation.slot);
    }
  }

  #keepAlive(id: bigint): Promise<LeaseKeepAliveResponse> {
    const stream = this.#client.bidi<LeaseKeepAliveRequest, LeaseKeepAliveResponse>(
      LeaseDefinition,
      LeaseDefinition.methods.leaseKeepAlive,
      { timeoutMs: CALL_TIMEOUT_MS },
    );
    return new Promise((resolve, reject) => {
      stream.once("data", (response: LeaseKeepAliveResponse) => {
        resolve(response);
        stream.end();
      });
      stream.once("error", reject);
      stream.write({ ID: id });
    });
  }

  /** Opens a watcher in a slot on a stream of its own, and waits for the created (or refused) message. */
  #watch(slot: number, request: WatchRequest["requestUnion"]): Promise<WatchResponse> {
    this.#open.get(slot)?.stream.cancel();
    const stream = this.#client.bidi<WatchRequest, WatchResponse>(
      WatchDefinition,
      WatchDefinition.methods.watch,
    );
    const transcript: WatchTranscript = { slot, responses: [] };
    this.transcripts.push(transcript);
    this.#open.set(slot, { stream, transcript });
    return new Promise((resolve, reject) => {
      stream.on("data", (response: WatchResponse) => {
        transcript.responses.push(response);
        if (response.created) resolve(response);
      });
      stream.on("error", reject);
      stream.write(WatchRequest.fromPartial({ requestUnion: request } as never));
    });
  }

  /** Cancels the watcher of a slot and waits until the server says so, or says nothing to say. */
  async #cancel(slot: number): Promise<unknown> {
    const open = this.#open.get(slot);
    if (open === undefined) return { cancelled: false };
    const created = open.transcript.responses.find((response) => response.created);
    if (created === undefined || created.canceled) return { cancelled: false };
    const seen = open.transcript.responses.length;
    const answered = new Promise<void>((resolve) => {
      const check = (response: WatchResponse): void => {
        if (response.canceled && response.compactRevision === 0n) resolve();
      };
      open.stream.on("data", check);
      for (const response of open.transcript.responses.slice(seen)) check(response);
    });
    open.stream.write({
      requestUnion: { $case: "cancelRequest", value: { watchId: created.watchId } },
    });
    await answered;
    this.#open.delete(slot);
    open.stream.cancel();
    return { cancelled: true };
  }
}
