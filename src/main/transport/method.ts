import type { ErrorFacts } from "../../shared/errors.js";

/**
 * The transport seam: RPC methods as handlers over message bytes. Nothing here knows HTTP/2, so that the
 * same table is served by grpc-js and by any other engine.
 *
 * Bytes in: a request message belongs to the handler from the call on; the transport never reuses it. It
 * may be a view of a larger socket read, so what is kept for long (a watched key) should be copied.
 * Bytes out: the transport keeps what it is given until it is written; the handler must not change it.
 */

/** One encoded protobuf message, whole or in pieces that are sent back to back as one message. */
export type MessageBytes = Uint8Array | readonly Uint8Array[];

/** Bytes of a message, in however many pieces it is. */
export function messageLength(message: MessageBytes): number {
  if (message instanceof Uint8Array) return message.length;
  let length = 0;
  for (const piece of message) length += piece.length;
  return length;
}

/** How a call ends badly: gRPC status and text. `errorFacts(code)` gives one for every ErrorCode. */
export type GrpcFailure = ErrorFacts;

/** What every call knows. One object per call; valid until the call is over, and harmless after. */
export interface CallContext {
  /** `/package.Service/Method`. */
  readonly path: string;
  /** The client's address as `host:port`, or `@` for a unix socket. */
  readonly peer: string;
  /** When the client stops waiting: milliseconds since the epoch, or undefined when it waits for ever. */
  readonly deadlineMs: number | undefined;
  /**
   * True once nobody waits for the answer: the client cancelled, its connection went, or the deadline
   * passed (which the transport itself answers with DeadlineExceeded). A handler may then stop early; what
   * it still sends is dropped.
   */
  readonly cancelled: boolean;
  /** True once the call is over, whoever ended it. */
  readonly ended: boolean;
  /**
   * First value of a request header; `key` in lower case. Bytes outside ASCII come one character each
   * (latin1), and so do the decoded bytes of a binary (`-bin`) header.
   */
  metadata(key: string): string | undefined;
  /** Called once when `cancelled` turns true; at once when it is true already. One listener per call: the last. */
  onCancel(listener: () => void): void;
}

/** One unary call. Exactly one of `reply` and `fail` must be called, now or later, once. */
export interface UnaryCall extends CallContext {
  /** Answers with a message and status OK. */
  reply(message: MessageBytes): void;
  /** Answers with a failure. */
  fail(failure: GrpcFailure): void;
}

/** One streaming call, as its handler writes to it. */
export interface StreamCall extends CallContext {
  /** Bytes written and not yet taken by flow control: what a slow reader makes this server hold. */
  readonly bufferedBytes: number;
  /**
   * Sends a message. False means that the buffer is over its high-water mark: stop until `onDrain`. The
   * message was taken all the same; a handler that goes on writing is what makes memory grow. On a call
   * that is over the message is dropped and the answer is true.
   */
  write(message: MessageBytes): boolean;
  /** Called each time that the buffer is low again after a `write` that said false. One listener: the last. */
  onDrain(listener: () => void): void;
  /** Ends the call: status OK, or the failure. What was written before is delivered first. Once. */
  end(failure?: GrpcFailure): void;
  /**
   * Ends the call over its handler's head (no leader, server stop): the client gets the failure, the
   * handler sees a cancellation.
   */
  abort(failure: GrpcFailure): void;
  /** Stops taking request messages; flow control then holds the client back. Bounded by one window. */
  pause(): void;
  /** Takes request messages again. */
  resume(): void;
}

/** What a bidirectional call tells its handler, in order. After cancellation nothing more is called. */
export interface StreamReceiver {
  /** A request message. Never called from inside `handle`. */
  onMessage(message: Uint8Array): void;
  /**
   * The client has sent its last message. The call goes on until the handler ends it: a half-closed watch
   * is still served (docs/facts/semantics.md W-15).
   */
  onHalfClose(): void;
}

/** One request, one answer. */
export interface UnaryMethod {
  readonly kind: "unary";
  readonly path: string;
  handle(call: UnaryCall, request: Uint8Array): void;
}

/** One request, a stream of answers. */
export interface ServerStreamMethod {
  readonly kind: "server-stream";
  readonly path: string;
  handle(call: StreamCall, request: Uint8Array): void;
}

/** Streams both ways. */
export interface BidiMethod {
  readonly kind: "bidi";
  readonly path: string;
  handle(call: StreamCall): StreamReceiver;
}

/** One RPC. A handler that throws is a bug of ours: the call fails with Internal and the error is reported. */
export type RpcMethod = UnaryMethod | ServerStreamMethod | BidiMethod;

/** All RPCs of a server. */
export type MethodTable = readonly RpcMethod[];
