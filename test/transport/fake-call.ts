import type {
  GrpcFailure,
  MessageBytes,
  StreamCall,
  UnaryCall,
} from "../../src/main/transport/method.js";

/** A call without a transport: keeps what its handler does. */
export class FakeCall implements UnaryCall, StreamCall {
  readonly path = "/t.T/Fake";
  readonly peer = "127.0.0.1:1";
  readonly deadlineMs = undefined;
  readonly bufferedBytes = 0;
  readonly sent: Buffer[] = [];
  cancelled = false;
  ended = false;
  failure: GrpcFailure | undefined;
  readonly #headers: ReadonlyMap<string, string>;
  #cancelListener: (() => void) | undefined;

  constructor(headers: Readonly<Record<string, string>> = {}) {
    this.#headers = new Map(Object.entries(headers));
  }

  metadata(key: string): string | undefined {
    return this.#headers.get(key);
  }

  onCancel(listener: () => void): void {
    this.#cancelListener = listener;
  }

  reply(message: MessageBytes): void {
    this.write(message);
    this.ended = true;
  }

  fail(failure: GrpcFailure): void {
    this.end(failure);
  }

  write(message: MessageBytes): boolean {
    const pieces = message instanceof Uint8Array ? [message] : message;
    this.sent.push(Buffer.concat(pieces));
    return true;
  }

  onDrain(): void {}

  end(failure?: GrpcFailure): void {
    this.failure = failure;
    this.ended = true;
  }

  abort(failure: GrpcFailure): void {
    this.end(failure);
    this.cancel();
  }

  pause(): void {}

  resume(): void {}

  /** What a transport does when the client goes away. */
  cancel(): void {
    this.cancelled = true;
    this.ended = true;
    this.#cancelListener?.();
  }
}
