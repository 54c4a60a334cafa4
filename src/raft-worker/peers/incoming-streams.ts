import type { ServerReadableStream, sendUnaryData } from "@grpc/grpc-js";
import type { Logger } from "../../shared/logger.js";
import type { MemberId } from "../core/entry.js";
import { INCOMING_STREAMS_MAX } from "./bounds.js";
import { decodeEnvelope } from "./envelope.js";
import { acceptMetadata, type Caller } from "./handshake.js";
import type { PeerItem } from "./items.js";
import { Refusal, RefusedError, refusalStatus } from "./refusal.js";

/** A call of a peer, as grpc-js brings it. */
export type IncomingCall = ServerReadableStream<Buffer, Buffer>;

/** What comes in. */
export interface IncomingHandlers {
  opened(caller: Caller): void;
  /** All items of one envelope, in order. */
  delivered(from: MemberId, items: readonly PeerItem[]): void;
  closed(from: MemberId): void;
}

/** The streams on which other members send; one per member, of which the newest counts. */
export class IncomingStreams {
  readonly #logger: Logger;
  readonly #handlers: IncomingHandlers;
  readonly #streams = new Map<MemberId, IncomingStream>();

  constructor(logger: Logger, handlers: IncomingHandlers) {
    this.#logger = logger;
    this.#handlers = handlers;
  }

  /** Takes a stream over from a caller that was let in; throws a RefusedError when there are too many. */
  open(caller: Caller, call: IncomingCall, respond: sendUnaryData<Buffer>): void {
    const { id } = caller;
    const former = this.#streams.get(id);
    if (former === undefined && this.#streams.size >= INCOMING_STREAMS_MAX) {
      throw new RefusedError(Refusal.busy, "too many members are connected");
    }
    // Nothing more is taken from the old stream, so that nothing old can come after something new.
    former?.end(new RefusedError(Refusal.replaced, "the member has opened a newer stream"));
    const stream = new IncomingStream(call, respond, {
      message: (bytes) => this.#received(stream, id, bytes),
      over: () => {
        if (this.#streams.get(id) !== stream) return;
        this.#streams.delete(id);
        this.#handlers.closed(id);
      },
    });
    this.#streams.set(id, stream);
    call.sendMetadata(acceptMetadata());
    this.#handlers.opened(caller);
  }

  /** Whether there is a stream from this member. */
  has(id: MemberId): boolean {
    return this.#streams.has(id);
  }

  /** Ends a member's stream, if there is one, and says why. */
  end(id: MemberId, reason: RefusedError): void {
    this.#streams.get(id)?.end(reason);
  }

  #received(stream: IncomingStream, from: MemberId, bytes: Buffer): void {
    let items: readonly PeerItem[];
    try {
      items = decodeEnvelope(bytes);
    } catch (error) {
      this.#logger.warn("closed the stream of a peer: it sent what no member sends", {
        "remote-peer-id": from,
        error,
      });
      stream.end(new RefusedError(Refusal.malformed, String(error)));
      return;
    }
    this.#handlers.delivered(from, items);
  }
}

interface StreamHandlers {
  message(bytes: Buffer): void;
  over(): void;
}

class IncomingStream {
  readonly #call: IncomingCall;
  readonly #respond: sendUnaryData<Buffer>;
  readonly #handlers: StreamHandlers;
  #isOver = false;

  constructor(call: IncomingCall, respond: sendUnaryData<Buffer>, handlers: StreamHandlers) {
    this.#call = call;
    this.#respond = respond;
    this.#handlers = handlers;
    const over = (): void => this.#over();
    call.on("data", (bytes: Buffer) => {
      if (!this.#isOver) handlers.message(bytes);
    });
    // A sender closes by going away; it has nothing to say goodbye for.
    for (const event of ["end", "error", "cancelled", "close"]) call.on(event, over);
  }

  end(reason: RefusedError): void {
    if (this.#isOver) return;
    this.#respond(refusalStatus(reason));
    this.#over();
  }

  #over(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#call.pause();
    this.#handlers.over();
  }
}
