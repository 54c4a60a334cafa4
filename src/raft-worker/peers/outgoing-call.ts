import type { Client, ClientWritableStream, Metadata, ServiceError } from "@grpc/grpc-js";
import type { PeerTlsOptions } from "../../shared/control/raft-control.js";
import { ACCEPT_TIMEOUT_MS } from "./bounds.js";
import { dial } from "./dial.js";
import { acceptedBy, type Handshake, handshakeMetadata } from "./handshake.js";
import type { PeerAddress } from "./peer-url.js";
import { type Refusal, refusalOf } from "./refusal.js";
import type { MESSAGES_METHOD } from "./service.js";

/** A call to a peer that failed. */
export class PeerCallError extends Error {
  /** Why the peer did not want it; undefined when it was not the peer's will. */
  readonly refusal: Refusal | undefined;

  constructor(message: string, refusal: Refusal | undefined = undefined) {
    super(message);
    this.name = "PeerCallError";
    this.refusal = refusal;
  }
}

/** Whom to call, and as whom. */
export interface CallTarget {
  readonly method: typeof MESSAGES_METHOD;
  readonly address: PeerAddress;
  readonly tls: PeerTlsOptions | undefined;
  readonly handshake: Handshake;
}

/**
 * A client stream to a peer, over a connection of its own, that the peer has accepted. Nothing is written
 * before that, and nothing is ever written twice.
 */
export class OutgoingCall {
  /** Resolves when the call is over: undefined when the peer answered that all is well. */
  readonly over: Promise<PeerCallError | undefined>;
  readonly #client: Client;
  readonly #accepted: Promise<string>;
  #call: ClientWritableStream<Buffer> | undefined;
  #bufferedBytes = 0;
  #peerVersion = "";

  private constructor(client: Client, { method, handshake }: CallTarget) {
    this.#client = client;
    let accept: (version: string) => void = () => {};
    this.#accepted = new Promise((resolve) => {
      accept = resolve;
    });
    this.over = new Promise((resolve) => {
      this.#call = client.makeClientStreamRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        handshakeMetadata(handshake),
        (error) => resolve(error === null ? undefined : callError(error)),
      );
    });
    this.#call?.on("metadata", (metadata: Metadata) => {
      const version = acceptedBy(metadata);
      if (version !== undefined) accept(version);
    });
    // Said by the callback as well.
    this.#call?.on("error", () => {});
  }

  /** Connects and waits until the peer lets the call in; rejects with the reason when it does not. */
  static async open(target: CallTarget): Promise<OutgoingCall> {
    const call = new OutgoingCall(await dial(target.address, target.tls), target);
    let timer: NodeJS.Timeout | undefined;
    const silence = new Promise<never>((_resolve, reject) => {
      const error = new PeerCallError(`the peer did not answer within ${ACCEPT_TIMEOUT_MS} ms`);
      timer = setTimeout(() => reject(error), ACCEPT_TIMEOUT_MS);
    });
    try {
      const refusal = call.over.then(notAccepted);
      call.#peerVersion = await Promise.race([call.#accepted, refusal, silence]);
      return call;
    } catch (error) {
      call.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Version of the member at the other end. */
  get peerVersion(): string {
    return this.#peerVersion;
  }

  /** Bytes written that the connection has not taken yet. */
  get bufferedBytes(): number {
    return this.#bufferedBytes;
  }

  /** `taken` is called when the connection has taken the bytes, or is lost. */
  write(bytes: Buffer, taken: () => void): void {
    this.#bufferedBytes += bytes.length;
    this.#call?.write(bytes, () => {
      this.#bufferedBytes -= bytes.length;
      taken();
    });
  }

  /** No more will be written; the peer answers. */
  end(): void {
    this.#call?.end();
  }

  /** Drops the call, if it goes on, and its connection. */
  close(): void {
    this.#call?.cancel();
    this.#client.close();
  }
}

function notAccepted(error: PeerCallError | undefined): never {
  throw error ?? new PeerCallError("the peer ended the call before it had begun");
}

function callError(error: ServiceError): PeerCallError {
  const refusal = refusalOf(error.metadata);
  return new PeerCallError(refusal === undefined ? error.message : error.details, refusal);
}
