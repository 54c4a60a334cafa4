import {
  Client,
  type ClientDuplexStream,
  credentials,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import type { Connection, OnAnswer, OpenStream, StreamEvents } from "./connection.js";
import type { ConnectOptions } from "./open-connection.js";

const RECEIVE_BYTES_MAX = 2_147_483_647;
const EMPTY = Buffer.alloc(0);

/** A connection of @grpc/grpc-js with serializers that pass bytes through. Plain text. */
export class GrpcJsConnection implements Connection {
  readonly #client: Client;
  readonly #metadata = new Metadata();

  private constructor(client: Client, token: string | undefined) {
    this.#client = client;
    if (token !== undefined) this.#metadata.set("token", token);
  }

  /** Connects to `host:port`; rejects when that takes longer than it may. */
  static connect(target: string, options: ConnectOptions): Promise<GrpcJsConnection> {
    const { timeoutMs, token } = options;
    const client = new Client(target, credentials.createInsecure(), {
      "grpc.max_receive_message_length": RECEIVE_BYTES_MAX,
      "grpc.max_send_message_length": RECEIVE_BYTES_MAX,
      // Otherwise grpc-js gives all clients of one target the same connection.
      "grpc.use_local_subchannel_pool": 1,
    });
    return new Promise((resolve, reject) => {
      client.waitForReady(Date.now() + timeoutMs, (error) => {
        if (error === undefined || error === null) resolve(new GrpcJsConnection(client, token));
        else reject(new Error(`cannot connect to ${target}`, { cause: error }));
      });
    });
  }

  unary(path: string, message: Buffer, onAnswer: OnAnswer): void {
    const done = (error: ServiceError | null, answer?: Buffer): void =>
      onAnswer(error ?? undefined, answer ?? EMPTY);
    this.#client.makeUnaryRequest(path, same, same, message, this.#metadata, done);
  }

  bidi(path: string, events: StreamEvents): OpenStream {
    const stream: ClientDuplexStream<Buffer, Buffer> = this.#client.makeBidiStreamRequest(
      path,
      same,
      same,
      this.#metadata,
    );
    stream.on("data", (message: Buffer) => events.onMessage(message));
    stream.once("end", () => events.onEnd(undefined));
    stream.once("error", (error) => events.onEnd(error));
    return { send: (message) => void stream.write(message), end: () => void stream.end() };
  }

  close(): void {
    this.#client.close();
  }
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
