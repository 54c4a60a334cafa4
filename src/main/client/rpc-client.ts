import {
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Client as GrpcClient,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";

/** A message codec as the generator writes them. */
interface Codec<T> {
  encode(message: T): { finish(): Uint8Array };
  decode(bytes: Uint8Array): T;
  fromPartial?(partial: never): T;
}

/** One method of a generated service definition. */
interface MethodDefinition<Request, Response> {
  readonly name: string;
  readonly requestType: Codec<Request>;
  readonly responseType: Codec<Response>;
}

interface ServiceDefinition {
  readonly fullName: string;
}

/** A failed call, as gRPC reports it. */
export interface RpcError extends Error {
  readonly code: number;
  readonly details: string;
}

/** Options of one call. */
export interface CallOptions {
  /** Milliseconds from now; none by default. */
  readonly timeoutMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

const RECEIVE_BYTES_MAX = 2_147_483_647;

/** A gRPC client of one endpoint that speaks the generated definitions. Plain text. */
export class RpcClient {
  readonly #grpc: GrpcClient;

  /** `target` is `host:port`. Connects on first use. */
  constructor(target: string) {
    this.#grpc = new GrpcClient(target, credentials.createInsecure(), {
      "grpc.max_receive_message_length": RECEIVE_BYTES_MAX,
      "grpc.max_send_message_length": RECEIVE_BYTES_MAX,
      // Every client its own connection: a test of a thousand clients means a thousand sockets.
      "grpc.use_local_subchannel_pool": 1,
    });
  }

  /** Calls a unary method; rejects with an RpcError. */
  unary<Request, Response>(
    service: ServiceDefinition,
    method: MethodDefinition<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.#grpc.makeUnaryRequest<Request, Response>(
        methodPath(service, method),
        encodeWith(method.requestType),
        decodeWith(method.responseType),
        request,
        metadataOf(options),
        callOptions(options),
        (error: ServiceError | null, response) => {
          if (error !== null) reject(error);
          else if (response === undefined) reject(new Error("no response and no error"));
          else resolve(response);
        },
      );
    });
  }

  /** Opens a server stream. */
  serverStream<Request, Response>(
    service: ServiceDefinition,
    method: MethodDefinition<Request, Response>,
    request: Request,
    options: CallOptions = {},
  ): ClientReadableStream<Response> {
    return this.#grpc.makeServerStreamRequest<Request, Response>(
      methodPath(service, method),
      encodeWith(method.requestType),
      decodeWith(method.responseType),
      request,
      metadataOf(options),
      callOptions(options),
    );
  }

  /** Opens a bidirectional stream. */
  bidi<Request, Response>(
    service: ServiceDefinition,
    method: MethodDefinition<Request, Response>,
    options: CallOptions = {},
  ): ClientDuplexStream<Request, Response> {
    return this.#grpc.makeBidiStreamRequest<Request, Response>(
      methodPath(service, method),
      encodeWith(method.requestType),
      decodeWith(method.responseType),
      metadataOf(options),
      callOptions(options),
    );
  }

  /** Closes the connection; open calls fail. */
  close(): void {
    this.#grpc.close();
  }
}

function methodPath(service: ServiceDefinition, method: { readonly name: string }): string {
  return `/${service.fullName}/${method.name}`;
}

function encodeWith<T>(codec: Codec<T>): (message: T) => Buffer {
  return (message) => {
    const bytes = codec.encode(message).finish();
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  };
}

function decodeWith<T>(codec: Codec<T>): (bytes: Buffer) => T {
  return (bytes) => codec.decode(bytes);
}

function metadataOf(options: CallOptions): Metadata {
  const metadata = new Metadata();
  for (const [key, value] of Object.entries(options.metadata ?? {})) metadata.set(key, value);
  return metadata;
}

function callOptions(options: CallOptions): { deadline?: number } {
  return options.timeoutMs === undefined ? {} : { deadline: Date.now() + options.timeoutMs };
}
