// Hot file: counted for every RPC; a message costs two additions.
import type { Registry } from "prom-client";
import type { GrpcStatus } from "../../shared/errors.js";
import { SharedHistogram } from "../../shared/histogram.js";
import { CLIENT_VERSION_LABELS_MAX } from "../../shared/limits.js";
import type { CallObserver, MethodObserver } from "../transport/call-observer.js";
import type { RpcMethod } from "../transport/method.js";
import { copyCounter, copyCounters, copyHistogram, type Sample } from "./copied-metrics.js";
import { COUNTED_METHODS, type RpcMethodName } from "./rpc-methods.js";

const CODE_NAMES: { readonly [name in keyof typeof GrpcStatus]: string } = {
  OK: "OK",
  CANCELLED: "Canceled",
  UNKNOWN: "Unknown",
  INVALID_ARGUMENT: "InvalidArgument",
  DEADLINE_EXCEEDED: "DeadlineExceeded",
  NOT_FOUND: "NotFound",
  ALREADY_EXISTS: "AlreadyExists",
  PERMISSION_DENIED: "PermissionDenied",
  RESOURCE_EXHAUSTED: "ResourceExhausted",
  FAILED_PRECONDITION: "FailedPrecondition",
  ABORTED: "Aborted",
  OUT_OF_RANGE: "OutOfRange",
  UNIMPLEMENTED: "Unimplemented",
  INTERNAL: "Internal",
  UNAVAILABLE: "Unavailable",
  DATA_LOSS: "DataLoss",
  UNAUTHENTICATED: "Unauthenticated",
};
/** Label by status number. */
const CODES: readonly string[] = Object.values(CODE_NAMES);

const GRPC_TYPES = { unary: "unary", "server-stream": "server_stream", bidi: "bidi_stream" };
const METHOD_LABELS = ["grpc_type", "grpc_service", "grpc_method"] as const;
/** Bucket set G of docs/facts/metrics.md. */
const HANDLING_BOUNDS_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** The counters of one method: plain fields, read at a scrape. */
class MethodCounters implements MethodObserver {
  readonly labels: Readonly<Record<string, string>>;
  startedCount = 0;
  receivedCount = 0;
  receivedBytes = 0;
  sentCount = 0;
  sentBytes = 0;
  /** By status number. */
  readonly handledCounts = new Float64Array(CODES.length);
  readonly handling: SharedHistogram | undefined;

  constructor({ service, method, kind }: RpcMethodName, timed: boolean) {
    this.labels = { grpc_type: GRPC_TYPES[kind], grpc_service: service, grpc_method: method };
    this.handling = timed ? new SharedHistogram(HANDLING_BOUNDS_SECONDS) : undefined;
  }

  started(): void {
    this.startedCount += 1;
  }

  received(bytes: number): void {
    this.receivedCount += 1;
    this.receivedBytes += bytes;
  }

  sent(bytes: number): void {
    this.sentCount += 1;
    this.sentBytes += bytes;
  }

  handled(status: GrpcStatus, durationMs: number): void {
    this.handledCounts[status]! += 1;
    this.handling?.observe(durationMs / 1000);
  }
}

/** The gRPC families and what belongs to them: bytes to and from clients, and who the clients are. */
export class RpcMetrics implements CallObserver {
  readonly #extensive: boolean;
  readonly #methods = new Map<string, MethodCounters>();
  readonly #clients = new Map<string, { readonly labels: Sample["labels"]; value: number }>();

  /** `extensive`: --metrics=extensive, which times every call. */
  constructor(registry: Registry, extensive: boolean) {
    this.#extensive = extensive;
    for (const name of COUNTED_METHODS) this.#counters(name);
    this.#registerCalls(registry);
    this.#registerMessages(registry);
    this.#registerClients(registry);
    if (extensive) this.#registerHandling(registry);
  }

  forMethod({ kind, path }: Pick<RpcMethod, "kind" | "path">): MethodObserver {
    const slash = path.lastIndexOf("/");
    return this.#counters({ service: path.slice(1, slash), method: path.slice(slash + 1), kind });
  }

  /** Counts a call by what its client says of itself; see CallChecks. */
  countClient(type: "unary" | "stream", apiVersion: string): void {
    const key = `${type} ${apiVersion}`;
    const known = this.#clients.get(key);
    if (known !== undefined) {
      known.value += 1;
      return;
    }
    // A client can invent versions without end; the page cannot grow so.
    if (this.#clients.size >= CLIENT_VERSION_LABELS_MAX && apiVersion !== "other") {
      this.countClient(type, "other");
      return;
    }
    this.#clients.set(key, { labels: { type, client_api_version: apiVersion }, value: 1 });
  }

  #counters(name: RpcMethodName): MethodCounters {
    const key = `${name.service}/${name.method}`;
    const counters = this.#methods.get(key) ?? new MethodCounters(name, this.#extensive);
    this.#methods.set(key, counters);
    return counters;
  }

  *#read(value: (counters: MethodCounters) => number): Iterable<Sample> {
    for (const counters of this.#methods.values()) {
      yield { labels: counters.labels, value: value(counters) };
    }
  }

  *#readHandled(): Iterable<Sample> {
    for (const { labels, handledCounts } of this.#methods.values()) {
      for (const [status, value] of handledCounts.entries()) {
        yield { labels: { ...labels, grpc_code: CODES[status]! }, value };
      }
    }
  }

  #sum(value: (counters: MethodCounters) => number): number {
    let sum = 0;
    for (const counters of this.#methods.values()) sum += value(counters);
    return sum;
  }

  #registerCalls(registry: Registry): void {
    copyCounters(registry, {
      name: "grpc_server_started_total",
      help: "RPCs that have begun.",
      labelNames: METHOD_LABELS,
      read: () => this.#read((counters) => counters.startedCount),
    });
    copyCounters(registry, {
      name: "grpc_server_handled_total",
      help: "RPCs that have ended, by the code of their end.",
      labelNames: [...METHOD_LABELS, "grpc_code"],
      read: () => this.#readHandled(),
    });
  }

  #registerMessages(registry: Registry): void {
    copyCounters(registry, {
      name: "grpc_server_msg_received_total",
      help: "Messages received in RPCs.",
      labelNames: METHOD_LABELS,
      read: () => this.#read((counters) => counters.receivedCount),
    });
    copyCounters(registry, {
      name: "grpc_server_msg_sent_total",
      help: "Messages sent in RPCs.",
      labelNames: METHOD_LABELS,
      read: () => this.#read((counters) => counters.sentCount),
    });
    copyCounter(registry, {
      name: "etcd_network_client_grpc_received_bytes_total",
      help: "Bytes of request messages from gRPC clients.",
      read: () => this.#sum((counters) => counters.receivedBytes),
    });
    copyCounter(registry, {
      name: "etcd_network_client_grpc_sent_bytes_total",
      help: "Bytes of answers to gRPC clients.",
      read: () => this.#sum((counters) => counters.sentBytes),
    });
  }

  #registerClients(registry: Registry): void {
    copyCounters(registry, {
      name: "etcd_server_client_requests_total",
      help: "Calls by kind and by the API version that the client says it speaks.",
      labelNames: ["type", "client_api_version"],
      read: () => this.#clients.values(),
    });
  }

  #registerHandling(registry: Registry): void {
    copyHistogram(registry, {
      name: "grpc_server_handling_seconds",
      help: "Time from the begin to the end of RPCs.",
      labelNames: METHOD_LABELS,
      bounds: HANDLING_BOUNDS_SECONDS,
      read: () => this.#readHandling(),
    });
  }

  *#readHandling(): Iterable<{
    readonly labels: Sample["labels"];
    readonly snapshot: ReturnType<SharedHistogram["snapshot"]>;
  }> {
    for (const { labels, handling } of this.#methods.values()) {
      if (handling !== undefined) yield { labels, snapshot: handling.snapshot() };
    }
  }
}
