import type { Duplex } from "node:stream";
import {
  type ConnectionInjector,
  logVerbosity,
  Server,
  ServerCredentials,
  ServerInterceptingCall,
  type ServerInterceptingCallInterface,
  type ServerInterceptor,
  type ServerOptions,
  setLogVerbosity,
} from "@grpc/grpc-js";
import { assert, unreachable } from "../../shared/assert.js";
import { TIMER_DELAY_MS_MAX } from "../../shared/limits.js";
import type { MethodObserver } from "./call-observer.js";
import { unimplemented } from "./failure-text.js";
import { type CallSettings, GrpcJsCall } from "./grpc-js-call.js";
import { BidiGrpcJsCall, ServerStreamGrpcJsCall, UnaryGrpcJsCall } from "./grpc-js-calls.js";
import {
  ASKED_PATH_HEADER,
  adaptHttp2,
  setResetLimits,
  UNKNOWN_METHOD_PATH,
} from "./grpc-js-http2.js";
import { type MessageBytes, type MethodTable, messageLength, type RpcMethod } from "./method.js";
import type { RpcTransport, TransportOptions } from "./rpc-transport.js";

/**
 * The reference transport: the seam on @grpc/grpc-js. Connections are injected, calls are taken over at the
 * interceptor, below the handlers and streams that grpc-js would make for them.
 */
export class GrpcJsTransport implements RpcTransport {
  readonly #injector: ConnectionInjector;

  constructor(options: TransportOptions) {
    // It would write lines of its own to stderr, of what any client can cause.
    setLogVerbosity(logVerbosity.NONE);
    const server = new Server(serverOptions(options));
    for (const method of options.methods) registerPath(server, method.path, method.kind);
    registerPath(server, UNKNOWN_METHOD_PATH, "unary");
    setResetLimits(server);
    this.#injector = server.createConnectionInjector(ServerCredentials.createInsecure());
    adaptHttp2(server, {
      paths: new Set(options.methods.map((method) => method.path)),
      keepaliveMinTimeMs: options.keepaliveMinTimeMs,
    });
  }

  accept(connection: Duplex): void {
    if (!connection.destroyed) this.#injector.injectConnection(connection);
  }

  drain(): void {
    // Despite its name this closes sessions the gentle way: GOAWAY, then wait for the open streams.
    this.#injector.destroy();
  }
}

function serverOptions(options: TransportOptions): ServerOptions {
  const { concurrentStreamsMax, keepaliveIntervalMs } = options;
  return {
    interceptors: [takeOver(options)],
    "grpc.enable_channelz": 0,
    "grpc.max_receive_message_length": options.receiveBytesMax,
    "grpc.max_send_message_length": -1,
    "grpc.keepalive_time_ms":
      keepaliveIntervalMs > 0
        ? Math.min(keepaliveIntervalMs, TIMER_DELAY_MS_MAX - 1)
        : TIMER_DELAY_MS_MAX,
    "grpc.keepalive_timeout_ms": Math.min(options.keepaliveTimeoutMs, TIMER_DELAY_MS_MAX),
    ...(concurrentStreamsMax < 2 ** 32 - 1
      ? { "grpc.max_concurrent_streams": concurrentStreamsMax }
      : {}),
  };
}

const GRPC_JS_KINDS = { unary: "unary", "server-stream": "serverStream", bidi: "bidi" } as const;

function registerPath(server: Server, path: string, kind: RpcMethod["kind"]): void {
  const registered = server.register<Buffer, MessageBytes>(
    path,
    neverCalled,
    toBuffer,
    (request) => request,
    GRPC_JS_KINDS[kind],
  );
  assert(registered, "a method is in the table twice", { path });
}

/** Puts a call of ours in the place of the handler that grpc-js would run. */
function takeOver(options: TransportOptions): ServerInterceptor {
  const makers = new Map<string, CallMaker>();
  for (const method of options.methods) makers.set(method.path, callMaker(method, options));
  const refuse = refusalMaker(options);
  return ({ path }, base) => new TakenOverCall(base, (makers.get(path) ?? refuse)(base));
}

class TakenOverCall extends ServerInterceptingCall {
  readonly #call: GrpcJsCall;

  constructor(base: ServerInterceptingCallInterface, call: GrpcJsCall) {
    super(base);
    this.#call = call;
  }

  /** grpc-js brings the listener of its own handler here; it is left out. */
  override start(): void {
    this.#call.open();
  }
}

type CallMaker = (base: ServerInterceptingCallInterface) => GrpcJsCall;

function callMaker(method: RpcMethod, options: TransportOptions): CallMaker {
  const { receiveBytesMax, onBug } = options;
  const settings = { observer: options.observer.forMethod(method), receiveBytesMax, onBug };
  switch (method.kind) {
    case "unary":
      return (base) => new UnaryGrpcJsCall(method, base, settings);
    case "server-stream":
      return (base) => new ServerStreamGrpcJsCall(method, base, settings);
    case "bidi":
      return (base) => new BidiGrpcJsCall(method, base, settings);
    default:
      return unreachable(method);
  }
}

function refusalMaker(options: TransportOptions): CallMaker {
  const { receiveBytesMax, onBug } = options;
  const services = serviceNames(options.methods);
  const settings = { observer: UNCOUNTED, receiveBytesMax, onBug };
  return (base) => new RefusedCall(services, base, settings);
}

/** A call to a path that nothing serves: one failure, whatever is sent. Not counted, as in etcd. */
class RefusedCall extends GrpcJsCall {
  readonly #services: ReadonlySet<string>;

  constructor(
    services: ReadonlySet<string>,
    base: ServerInterceptingCallInterface,
    settings: CallSettings,
  ) {
    super(UNKNOWN_METHOD_PATH, base, settings);
    this.#services = services;
  }

  protected started(): void {
    const path = this.metadata(ASKED_PATH_HEADER) ?? UNKNOWN_METHOD_PATH;
    this.finish(unimplemented(path, this.#services), false);
  }

  receive(): void {}

  halfClose(): void {}
}

const UNCOUNTED: MethodObserver = {
  started: ignore,
  received: ignore,
  sent: ignore,
  handled: ignore,
};

function serviceNames(methods: MethodTable): Set<string> {
  return new Set(methods.map(({ path }) => path.slice(1, path.lastIndexOf("/"))));
}

function toBuffer(message: MessageBytes): Buffer {
  if (message instanceof Uint8Array) {
    return Buffer.from(message.buffer, message.byteOffset, message.length);
  }
  return Buffer.concat(message, messageLength(message));
}

function neverCalled(): void {
  assert(false, "grpc-js ran a handler that had been taken over");
}

function ignore(): void {}
