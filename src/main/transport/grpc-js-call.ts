// Hot file: two objects per call, and none per message beyond what grpc-js itself makes.
import type { Metadata, ServerInterceptingCallInterface } from "@grpc/grpc-js";
import { type ErrorFacts, GrpcStatus } from "../../shared/errors.js";
import type { MethodObserver } from "./call-observer.js";
import { clientAddress } from "./client-address.js";
import { INTERNAL_ERROR, rewordGrpcJs } from "./failure-text.js";
import { MOVED_HEADERS } from "./grpc-js-http2.js";
import type { CallContext } from "./method.js";

/** What the calls of one method share. */
export interface CallSettings {
  readonly observer: MethodObserver;
  readonly receiveBytesMax: number;
  readonly onBug: (error: unknown, path: string) => void;
}

type Status = Parameters<ServerInterceptingCallInterface["sendStatus"]>[0];

const OK: Status = { code: GrpcStatus.OK, details: "" };

/**
 * One call on grpc-js, below its Node streams: it listens to the base call itself, so that a message costs
 * no stream machinery, and half-close, cancellation and write progress are seen as they are.
 */
export abstract class GrpcJsCall implements CallContext {
  readonly path: string;
  protected readonly base: ServerInterceptingCallInterface;
  protected readonly settings: CallSettings;
  #cancelled = false;
  #ended = false;
  #cancelListener: (() => void) | undefined;
  #metadata: Metadata | undefined;
  readonly #startedMs = performance.now();
  readonly #sendStatus: ServerInterceptingCallInterface["sendStatus"];

  constructor(path: string, base: ServerInterceptingCallInterface, settings: CallSettings) {
    this.path = path;
    this.base = base;
    this.settings = settings;
    // grpc-js ends calls by itself (deadline, message size, compression) through this very method of its
    // object, past all interceptors: taking its place is how the text and the count come out right.
    const send = base.sendStatus;
    this.#sendStatus = (status) => send.call(base, status);
    base.sendStatus = (status) => this.#endedByGrpcJs(status);
  }

  /** Begins the call: from here on grpc-js tells this object what the client sends. */
  open(): void {
    this.settings.observer.started();
    this.base.start(new CallListener(this));
    // A stream that the client has already reset is never started, and never told of either.
    if (this.#metadata === undefined) this.goneAway();
  }

  get peer(): string {
    return clientAddress(this.base.getConnectionInfo());
  }

  get deadlineMs(): number | undefined {
    const deadline = Number(this.base.getDeadline());
    return Number.isFinite(deadline) ? deadline : undefined;
  }

  get cancelled(): boolean {
    return this.#cancelled;
  }

  get ended(): boolean {
    return this.#ended;
  }

  metadata(key: string): string | undefined {
    let value = this.#metadata?.get(key)[0];
    if (value === undefined && MOVED_HEADERS.has(key)) value = this.#metadata?.get(`${key}-bin`)[0];
    return typeof value === "string" || value === undefined ? value : value.toString("latin1");
  }

  onCancel(listener: () => void): void {
    if (this.#cancelled) listener();
    else this.#cancelListener = listener;
  }

  /** The request headers have come. */
  begin(metadata: Metadata): void {
    this.#metadata = metadata;
    this.started();
  }

  /** The stream is gone, which is a cancellation unless the call had ended before. */
  goneAway(): void {
    if (!this.#ended) this.#over(GrpcStatus.CANCELLED, true);
  }

  /** A request message has come. */
  abstract receive(message: Buffer): void;
  /** The client has sent its last message. */
  abstract halfClose(): void;
  protected abstract started(): void;

  /** Ends the call after what has been written; `cancel` tells the handler that nobody listens any more. */
  protected finish(failure: ErrorFacts | undefined, cancel: boolean): void {
    const status = failure === undefined ? OK : { code: failure.status, details: failure.message };
    this.#sendStatus(status);
    this.#over(failure?.status ?? GrpcStatus.OK, cancel);
  }

  /** Ends the call because of what a handler threw: a bug of ours. */
  protected failOnBug(error: unknown): void {
    if (!this.#ended) this.finish(INTERNAL_ERROR, true);
    this.settings.onBug(error, this.path);
  }

  #endedByGrpcJs(status: Status): void {
    if (this.#ended) return;
    const { receiveBytesMax } = this.settings;
    this.finish(rewordGrpcJs(toGrpcStatus(status.code), status.details, receiveBytesMax), true);
  }

  #over(status: GrpcStatus, cancel: boolean): void {
    this.#ended = true;
    this.settings.observer.handled(status, performance.now() - this.#startedMs);
    if (!cancel) return;
    this.#cancelled = true;
    const listener = this.#cancelListener;
    this.#cancelListener = undefined;
    try {
      listener?.();
    } catch (error) {
      this.settings.onBug(error, this.path);
    }
  }
}

/** What grpc-js calls; apart from the call because `onCancel` means another thing there. */
class CallListener {
  readonly #call: GrpcJsCall;

  constructor(call: GrpcJsCall) {
    this.#call = call;
  }

  onReceiveMetadata(metadata: Metadata): void {
    this.#call.begin(metadata);
  }

  onReceiveMessage(message: Buffer): void {
    if (!this.#call.ended) this.#call.receive(message);
  }

  onReceiveHalfClose(): void {
    if (!this.#call.ended) this.#call.halfClose();
  }

  onCancel(): void {
    this.#call.goneAway();
  }
}

function toGrpcStatus(code: number): GrpcStatus {
  for (const status of Object.values(GrpcStatus)) if (status === code) return status;
  return GrpcStatus.UNKNOWN;
}
