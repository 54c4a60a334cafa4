import {
  Client,
  type ClientWritableStream,
  credentials,
  type Metadata,
  Server,
  ServerCredentials,
  type ServiceError,
  type sendUnaryData,
} from "@grpc/grpc-js";
import { handshakeMetadata } from "../../../src/raft-worker/peers/handshake.js";
import type { IncomingCall } from "../../../src/raft-worker/peers/incoming-streams.js";
import {
  MEMBERS_METHOD,
  MESSAGES_METHOD,
  PEER_SERVICE,
  type SNAPSHOT_METHOD,
} from "../../../src/raft-worker/peers/service.js";
import { freePort } from "../../support/server-process.js";
import { CLUSTER_ID } from "./cluster.js";

/** A client that sends whatever it is told to. */
export class RawClient {
  readonly #client: Client;

  constructor(url: string) {
    this.#client = new Client(new URL(url).host, credentials.createInsecure(), {
      "grpc.use_local_subchannel_pool": 1,
      "grpc.max_send_message_length": -1,
    });
  }

  /** The handshake of member `from`, with every field as it should be. */
  static handshake(from: bigint, to: bigint): Metadata {
    return handshakeMetadata({ clusterId: CLUSTER_ID, from, to, urls: [] });
  }

  /** Opens a call; `over` gets the error that it ends with. */
  open(
    metadata: Metadata,
    method: typeof SNAPSHOT_METHOD = MESSAGES_METHOD,
  ): {
    readonly call: ClientWritableStream<Buffer>;
    readonly accepted: Promise<Metadata>;
    readonly over: Promise<ServiceError | null>;
  } {
    let end: (error: ServiceError | null) => void = () => {};
    const over = new Promise<ServiceError | null>((resolve) => {
      end = resolve;
    });
    const call = this.#client.makeClientStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize,
      metadata,
      (error) => end(error),
    );
    call.on("error", () => {});
    const accepted = new Promise<Metadata>((resolve) => void call.on("metadata", resolve));
    return { call, accepted, over };
  }

  members(): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#client.makeUnaryRequest(
        MEMBERS_METHOD.path,
        MEMBERS_METHOD.requestSerialize,
        MEMBERS_METHOD.responseDeserialize,
        Buffer.alloc(0),
        (error, answer) => {
          if (answer === undefined) reject(error);
          else resolve(answer);
        },
      );
    });
  }

  close(): void {
    this.#client.close();
  }
}

/** A server in the place of a member, which does with a call whatever it is told to. */
export class RawServer {
  readonly url: string;
  readonly #server: Server;

  private constructor(url: string, server: Server) {
    this.url = url;
    this.#server = server;
  }

  static async start(
    onMessages: (call: IncomingCall, respond: sendUnaryData<Buffer>) => void,
  ): Promise<RawServer> {
    const server = new Server({ "grpc.max_receive_message_length": -1 });
    server.addService(PEER_SERVICE, {
      Messages: onMessages,
      Snapshot: () => {},
      Members: () => {},
    });
    const port = await freePort();
    await new Promise<void>((resolve, reject) => {
      server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error) => {
        if (error === null) resolve();
        else reject(error);
      });
    });
    return new RawServer(`http://127.0.0.1:${port}`, server);
  }

  close(): void {
    this.#server.forceShutdown();
  }
}
