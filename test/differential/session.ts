import type { ClientDuplexStream } from "@grpc/grpc-js";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import {
  KVDefinition,
  LeaseDefinition,
  type LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  MaintenanceDefinition,
  type WatchCreateRequest,
  WatchDefinition,
  type WatchRequest,
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
const PROGRESS_POLL_MS = 10;

interface OpenWatch {
  readonly stream: ClientDuplexStream<WatchRequest, WatchResponse>;
  readonly transcript: WatchTranscript;
  readonly startRevision: bigint;
  /** Progress messages that came; they are no part of the transcript. */
  progress: number;
}

/** One server's side of a differential run. */
export class Session {
  readonly #client: RpcClient;
  readonly #open = new Map<number, OpenWatch>();
  /** The highest revision that a header told. */
  #revision = 0n;
  /** Every watcher there was, in order of creation. */
  readonly transcripts: WatchTranscript[] = [];

  constructor(target: string) {
    this.#client = new RpcClient(target);
  }

  /** Carries out one operation and gives what the server answered. */
  async run(operation: Operation): Promise<CallOutcome> {
    try {
      await this.#settleBefore(operation);
      const response = await this.#call(operation);
      this.#noteRevision(response);
      return { ok: true, response };
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
        return this.#watch(operation.slot, operation.request);
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

  /**
   * Lets watchers hear everything up to now before one of them ends or a compaction may overtake it:
   * how far each had come would otherwise hang on the pace of its server (W-12, W-30, W-48).
   */
  async #settleBefore(operation: Operation): Promise<void> {
    if (operation.kind === "compact") {
      await Promise.all([...this.#open.values()].map((open) => this.#settle(open)));
    } else if (operation.kind === "watch" || operation.kind === "watchCancel") {
      const open = this.#open.get(operation.slot);
      if (open !== undefined) await this.#settle(open);
    } else if (operation.kind === "hashKv") {
      // Refused, but after a compaction under way (C-08): its hash is what a hash may ask for (MT-32).
      const refused: Operation = { kind: "compact", request: { revision: -1n, physical: true } };
      await this.#call(refused).catch(() => {});
    }
  }

  /** Asks for progress until it is told, which is after all events so far (W-51, W-53). */
  async #settle(open: OpenWatch): Promise<void> {
    const { stream, transcript } = open;
    const before = open.progress;
    const deadline = Date.now() + CALL_TIMEOUT_MS;
    // A watcher that was refused, cancelled, or waits for a revision to come tells no progress.
    while (
      open.progress === before &&
      open.startRevision <= this.#revision &&
      !transcript.responses.some(({ canceled }) => canceled)
    ) {
      if (Date.now() > deadline) throw new Error("a watcher never told that it caught up");
      stream.write({ requestUnion: { $case: "progressRequest", value: {} } });
      await new Promise((resolve) => setTimeout(resolve, PROGRESS_POLL_MS));
    }
  }

  #noteRevision(response: unknown): void {
    const { header } = response as { header?: { revision: bigint } };
    if (header !== undefined && header.revision > this.#revision) this.#revision = header.revision;
  }

  /** Opens a watcher in a slot on a stream of its own, and waits for the created (or refused) message. */
  #watch(slot: number, request: WatchCreateRequest): Promise<WatchResponse> {
    this.#open.get(slot)?.stream.cancel();
    const stream = this.#client.bidi<WatchRequest, WatchResponse>(
      WatchDefinition,
      WatchDefinition.methods.watch,
    );
    const transcript: WatchTranscript = { slot, responses: [] };
    const { startRevision } = request;
    const open: OpenWatch = { stream, transcript, startRevision, progress: 0 };
    this.transcripts.push(transcript);
    this.#open.set(slot, open);
    return new Promise((resolve, reject) => {
      stream.on("data", (response: WatchResponse) => {
        if (isProgress(response)) open.progress++;
        else transcript.responses.push(response);
        if (response.created) resolve(response);
      });
      stream.on("error", reject);
      stream.write({ requestUnion: { $case: "createRequest", value: request } });
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

function isProgress({ created, canceled, events, fragment }: WatchResponse): boolean {
  return !created && !canceled && events.length === 0 && !fragment;
}
