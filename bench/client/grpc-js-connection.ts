import { Client, type ClientDuplexStream, credentials, type ServiceError } from "@grpc/grpc-js";
import type { Connection, OnAnswer, OpenStream, StreamEvents } from "./connection.js";

const RECEIVE_BYTES_MAX = 2_147_483_647;
const EMPTY = Buffer.alloc(0);

/** A connection of @grpc/grpc-js with serializers that pass bytes through. Plain text. */
export class GrpcJsConnection implements Connection {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  /** Connects to `host:port`; rejects when that takes longer than `timeoutMs`. */
  static connect(target: string, timeoutMs: number): Promise<GrpcJsConnection> {
    const client = new Client(target, credentials.createInsecure(), {
      "grpc.max_receive_message_length": RECEIVE_BYTES_MAX,
      "grpc.max_send_message_length": RECEIVE_BYTES_MAX,
      // Otherwise grpc-js gives all clients of one target the same connection.
      "grpc.use_local_subchannel_pool": 1,
    });
    return new Promise((resolve, reject) => {
      client.waitForReady(Date.now() + timeoutMs, (error) => {
        if (error === undefined || error === null) resolve(new GrpcJsConnection(client));
        else reject(new Error(`cannot connect to ${target}`, { cause: error }));
      });
    });
  }

  unary(path: string, message: Buffer, onAnswer: OnAnswer): void {
    const done = (error: ServiceError | null, answer?: Buffer): void =>
      onAnswer(error ?? undefined, answer ?? EMPTY);
    this.#client.makeUnaryRequest(path, same, same, message, done);
  }

  bidi(path: string, events: StreamEvents): OpenStream {
    const stream: ClientDuplexStream<Buffer, Buffer> = this.#client.makeBidiStreamRequest(
      path,
      same,
      same,
    );
    stream.on("data", (message: Buffer) => events.onMessage(message));
    stream.once("end", () => events.onEnd(undefined));
    stream.once("error", (error) => events.onEnd(error));
    return { send: (message) => void stream.write(message) };
  }

  close(): void {
    this.#client.close();
  }
}

function same(bytes: Buffer): Buffer {
  return bytes;
}
