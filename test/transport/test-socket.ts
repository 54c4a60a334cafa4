import { Duplex } from "node:stream";
import { Http2Transport } from "../../src/main/transport/http2-transport.js";
import type { MethodTable } from "../../src/main/transport/method.js";
import { ClientFrames, FrameTeller } from "../http2/support/frames.js";
import { CountingObserver } from "./harness.js";

/** A socket whose other end is the test. It takes nothing while `isStuck`. */
export class TestSocket extends Duplex {
  readonly writes: Buffer[] = [];
  isStuck = false;
  readonly #teller = new FrameTeller();
  #told = 0;
  #pending: (() => void) | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.#take([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  /** Pieces of the last write that was gathered from several. */
  lastPieces: readonly Buffer[] = [];

  unstick(): void {
    this.isStuck = false;
    this.#pending?.();
  }

  /** What was written since the last time, frame by frame. */
  lines(): string[] {
    const fresh = Buffer.concat(this.writes.slice(this.#told));
    this.#told = this.writes.length;
    return this.#teller.tell(fresh);
  }

  #take(chunks: readonly Buffer[], done: () => void): void {
    this.lastPieces = chunks;
    // A copy, as a kernel takes one: the memory may be used again afterwards.
    this.writes.push(Buffer.concat(chunks));
    if (this.isStuck) this.#pending = done;
    else done();
  }
}

/** Lets everything happen that has been set going. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** The own engine on a socket of the test, greeted, with a client for frames. */
export function startOnTestSocket(methods: MethodTable): {
  readonly socket: TestSocket;
  readonly client: ClientFrames;
  readonly observer: CountingObserver;
} {
  const observer = new CountingObserver();
  const transport = new Http2Transport({
    methods,
    observer,
    receiveBytesMax: 4 * 1024 * 1024,
    concurrentStreamsMax: 2 ** 32 - 1,
    keepaliveMinTimeMs: 5000,
    keepaliveIntervalMs: 0,
    keepaliveTimeoutMs: 0,
    onBug: (error) => {
      throw error;
    },
  });
  const socket = new TestSocket();
  transport.accept(socket);
  socket.push(ClientFrames.greeting);
  return { socket, client: new ClientFrames(), observer };
}
