import type { ErrorCode } from "../shared/errors.js";
import {
  ApplyToMain,
  type Checkpointed,
  type Published,
  sendCheckpointed,
  sendPublished,
  sendResult,
} from "../shared/messages/apply-to-main.js";
import type { RingReader } from "../shared/ring/reader.js";
import type { RingWriter } from "../shared/ring/writer.js";

/** The rings between this worker and one frontend. */
export interface FrontendRings {
  readonly reader: RingReader;
  readonly writer: RingWriter;
}

/** An answer on its way to a frontend. */
export interface Answer {
  readonly frontend: number;
  readonly requestId: number;
  readonly revision: number;
  readonly code: ErrorCode | 0;
  readonly body: Uint8Array;
}

/** All frontends: what every one of them must hear, and answers to single ones. */
export class FrontendPorts {
  readonly #ports: readonly FrontendRings[];

  constructor(ports: readonly FrontendRings[]) {
    this.#ports = ports;
  }

  /** How many there are; their ids are 0 to count - 1. */
  get count(): number {
    return this.#ports.length;
  }

  /** Whether one of them has not taken what it was sent: nothing more must be asked for. */
  get blocked(): boolean {
    return this.#ports.some(({ writer }) => writer.blocked);
  }

  /** Ring to read from a frontend. */
  readers(): RingReader[] {
    return this.#ports.map(({ reader }) => reader);
  }

  /** Sends a new state to all. Before the answers of its entries. */
  publish(state: Published): void {
    for (const { writer } of this.#present()) sendPublished(writer, state);
  }

  /** Tells all that a snapshot took the store's place. */
  restored(state: Published): void {
    for (const { writer } of this.#present()) sendPublished(writer, state, ApplyToMain.restored);
  }

  /** Announces a checkpoint to all. */
  checkpointed(checkpoint: Checkpointed): void {
    for (const { writer } of this.#present()) sendCheckpointed(writer, checkpoint);
  }

  /** Sends the member list (MemberListResponse) to all. */
  members(body: Uint8Array): void {
    for (const { writer } of this.#present()) {
      const offset = writer.begin(ApplyToMain.members, body.length);
      writer.bytes.set(body, offset);
      writer.end();
    }
  }

  /** Sends an answer. One for a frontend that is not there any more is dropped. */
  answer(answer: Answer): void {
    const port = this.#ports[answer.frontend];
    if (port !== undefined && !port.writer.readerGone) sendResult(port.writer, answer);
  }

  /** Moves what was sent into the rings and wakes the frontends. */
  flush(): void {
    for (const { writer } of this.#ports) writer.flush();
  }

  /** Frontends end before this worker: what they would still be told is of no use to anybody. */
  #present(): readonly FrontendRings[] {
    return this.#ports.filter(({ writer }) => !writer.readerGone);
  }
}
