import { ErrorCode, errorFacts, GrpcStatus } from "../../shared/errors.js";
import {
  HealthCheckRequest,
  HealthCheckResponse,
  HealthListResponse,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../shared/gen/grpc/health/v1/health.js";
import type { GrpcFailure, MethodTable, StreamCall } from "./method.js";

const SERVICE = "/grpc.health.v1.Health";

const UNKNOWN_SERVICE: GrpcFailure = { status: GrpcStatus.NOT_FOUND, message: "unknown service" };
const MALFORMED: GrpcFailure = errorFacts(ErrorCode.malformedRequest);
const STOPPED: GrpcFailure = { status: GrpcStatus.CANCELLED, message: "Stream has ended." };

/**
 * grpc.health.v1 for the one service name that etcd registers, the empty one (docs/facts/api.md section 6):
 * Check, List and Watch. Watchers hear of every change.
 */
export class HealthService {
  #serving = true;
  /** Open watches; true when the name is one that is served. The others are told once, and kept. */
  readonly #watchers = new Map<StreamCall, boolean>();

  /** The methods, for the server's table. */
  readonly methods: MethodTable = [
    {
      kind: "unary",
      path: `${SERVICE}/Check`,
      handle: (call, request) => {
        const service = decodeService(request);
        if (service === undefined) call.fail(MALFORMED);
        else if (service !== "") call.fail(UNKNOWN_SERVICE);
        else call.reply(this.#status());
      },
    },
    {
      kind: "unary",
      path: `${SERVICE}/List`,
      handle: (call) => {
        const statuses = { "": { status: this.#servingStatus() } };
        call.reply(HealthListResponse.encode({ statuses }).finish());
      },
    },
    {
      kind: "server-stream",
      path: `${SERVICE}/Watch`,
      handle: (call, request) => {
        const service = decodeService(request);
        if (service === undefined) {
          call.end(MALFORMED);
          return;
        }
        const known = service === "";
        call.write(known ? this.#status() : encodeStatus(ServingStatus.SERVICE_UNKNOWN));
        this.#watchers.set(call, known);
        call.onCancel(() => this.#watchers.delete(call));
      },
    },
  ];

  /** Says whether this server serves; watchers are told when it changes. */
  setServing(serving: boolean): void {
    if (serving === this.#serving) return;
    this.#serving = serving;
    for (const [watcher, known] of this.#watchers) if (known) watcher.write(this.#status());
  }

  /** Ends all watches: the server stops. */
  close(): void {
    for (const watcher of [...this.#watchers.keys()]) watcher.abort(STOPPED);
    this.#watchers.clear();
  }

  #servingStatus(): ServingStatus {
    return this.#serving ? ServingStatus.SERVING : ServingStatus.NOT_SERVING;
  }

  #status(): Uint8Array {
    return encodeStatus(this.#servingStatus());
  }
}

function encodeStatus(status: ServingStatus): Uint8Array {
  return HealthCheckResponse.encode({ status }).finish();
}

function decodeService(request: Uint8Array): string | undefined {
  try {
    return HealthCheckRequest.decode(request).service;
  } catch {
    // What does not decode is the client's mistake, not ours.
    return undefined;
  }
}
