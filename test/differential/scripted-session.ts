import type { ClientDuplexStream } from "@grpc/grpc-js";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import {
  ClusterDefinition,
  KVDefinition,
  LeaseDefinition,
  type LeaseKeepAliveRequest,
  type LeaseKeepAliveResponse,
  MaintenanceDefinition,
  type PutRequest,
  type RangeRequest,
  type RangeStreamResponse,
  WatchDefinition,
  type WatchRequest,
  type WatchResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import type { ScriptOperation } from "./scripted-steps.js";
import { type CallOutcome, Session } from "./session.js";

const CALL_TIMEOUT_MS = 15_000;

/** One server's side of a scripted run. */
export class ScriptSession {
  readonly #client: RpcClient;
  readonly #calls: Session;
  readonly #streams = new Map<string, WatchStream>();

  constructor(target: string) {
    this.#client = new RpcClient(target);
    this.#calls = new Session(target);
  }

  /** Carries out one operation and gives what the server answered. */
  async run(operation: ScriptOperation): Promise<CallOutcome> {
    try {
      return await this.#run(operation);
    } catch (error) {
      const { code, details } = error as { code?: number; details?: string };
      if (typeof code !== "number") throw error;
      return { ok: false, code, message: details ?? "" };
    }
  }

  /** Ends the watch streams; the session goes on. */
  endStreams(): void {
    for (const stream of this.#streams.values()) stream.close();
    this.#streams.clear();
  }

  /** Ends everything. */
  close(): void {
    this.endStreams();
    this.#calls.close();
    this.#client.close();
  }

  async #run(operation: ScriptOperation): Promise<CallOutcome> {
    const client = this.#client;
    const options = { timeoutMs: CALL_TIMEOUT_MS };
    const { hash, status, alarm, defragment } = MaintenanceDefinition.methods;
    const maintenance = MaintenanceDefinition;
    switch (operation.kind) {
      case "hash":
        return answer(await client.unary(maintenance, hash, operation.request, options));
      case "status":
        return answer(await client.unary(maintenance, status, operation.request, options));
      case "alarm":
        return answer(await client.unary(maintenance, alarm, operation.request, options));
      case "defragment":
        return answer(await client.unary(maintenance, defragment, {}, options));
      case "memberList": {
        const method = ClusterDefinition.methods.memberList;
        return answer(await client.unary(ClusterDefinition, method, operation.request, options));
      }
      case "rangeStream":
        return answer(await this.#rangeStream(operation.request));
      case "burst":
        return answer(await this.#burst(operation.request, operation.count));
      case "keepAlives":
        return answer(await this.#keepAlives(operation.ids));
      case "send":
        this.#stream(operation.stream).send(operation.request);
        return answer({});
      case "halfClose":
        this.#stream(operation.stream).halfClose();
        return answer({});
      case "receive":
        return answer(await this.#stream(operation.stream).receive(operation.count));
      case "events":
        return answer(await this.#stream(operation.stream).events(operation.count));
      default:
        return this.#calls.run(operation);
    }
  }

  #stream(name: string): WatchStream {
    const found = this.#streams.get(name) ?? new WatchStream(this.#client);
    this.#streams.set(name, found);
    return found;
  }

  /** The messages of a range stream, in order. */
  async #rangeStream(request: RangeRequest): Promise<unknown> {
    const method = KVDefinition.methods.rangeStream;
    const stream = this.#client.serverStream(KVDefinition, method, request, {
      timeoutMs: CALL_TIMEOUT_MS,
    });
    const messages: RangeStreamResponse[] = [];
    for await (const message of stream) messages.push(message as RangeStreamResponse);
    return { messages };
  }

  async #burst(request: PutRequest, count: number): Promise<unknown> {
    const put = (): Promise<unknown> =>
      this.#client.unary(KVDefinition, KVDefinition.methods.put, request, {
        timeoutMs: CALL_TIMEOUT_MS,
      });
    await Promise.all(Array.from({ length: count }, put));
    return {};
  }

  async #keepAlives(ids: readonly bigint[]): Promise<unknown> {
    const stream = this.#client.bidi<LeaseKeepAliveRequest, LeaseKeepAliveResponse>(
      LeaseDefinition,
      LeaseDefinition.methods.leaseKeepAlive,
      { timeoutMs: CALL_TIMEOUT_MS },
    );
    for (const ID of ids) stream.write({ ID });
    stream.end();
    const responses: LeaseKeepAliveResponse[] = [];
    for await (const response of stream) responses.push(response as LeaseKeepAliveResponse);
    return { responses };
  }
}

function answer(response: unknown): CallOutcome {
  return { ok: true, response };
}

/** One watch stream: what came and was not asked for yet, and who waits for more. */
class WatchStream {
  readonly #stream: ClientDuplexStream<WatchRequest, WatchResponse>;
  readonly #pending: WatchResponse[] = [];
  #failure: Error | undefined;
  #wake: () => void = () => {};

  constructor(client: RpcClient) {
    this.#stream = client.bidi(WatchDefinition, WatchDefinition.methods.watch);
    this.#stream.on("data", (response: WatchResponse) => {
      this.#pending.push(response);
      this.#wake();
    });
    this.#stream.on("error", (error: Error) => {
      this.#failure = error;
      this.#wake();
    });
  }

  send(request: WatchRequest): void {
    this.#stream.write(request);
  }

  halfClose(): void {
    this.#stream.end();
  }

  close(): void {
    this.#stream.cancel();
  }

  async receive(count: number): Promise<unknown> {
    const responses: WatchResponse[] = [];
    while (responses.length < count) responses.push(await this.#next());
    return { responses };
  }

  async events(count: number): Promise<unknown> {
    const collected: unknown[] = [];
    while (collected.length < count) {
      const { watchId, events } = await this.#next();
      collected.push(...events.map((event) => ({ watchId, ...event })));
    }
    return { events: collected };
  }

  async #next(): Promise<WatchResponse> {
    const deadline = Date.now() + CALL_TIMEOUT_MS;
    for (;;) {
      const response = this.#pending.shift();
      if (response !== undefined) return response;
      if (this.#failure !== undefined) throw this.#failure;
      const leftMs = deadline - Date.now();
      if (leftMs <= 0) throw new Error("no further watch response came in time");
      await this.#more(leftMs);
    }
  }

  #more(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, timeoutMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
