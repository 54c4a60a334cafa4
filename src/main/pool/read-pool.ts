import { Piscina } from "piscina";
import { ErrorCode, type Outcome, refuse, succeed } from "../../shared/errors.js";
import { RangeRequest, TxnRequest } from "../../shared/gen/etcdserverpb/rpc.js";
import type { Frontend } from "../frontend/frontend.js";
import type { ReadTask, ReadTaskResult } from "./read-task.js";

/** A read for the pool. A txn has ranges only. */
export type PooledRequest =
  | { readonly kind: "range"; readonly request: RangeRequest }
  | { readonly kind: "txn"; readonly request: TxnRequest };

/** A read answered by the pool: body without header, and the revision for the header. */
export interface PooledAnswer {
  readonly revision: number;
  readonly body: Uint8Array;
}

/** Who asked. */
export interface PooledReader {
  /** False when nobody waits any more: the read is then dropped, and not answered. */
  isWanted(): boolean;
  answer(outcome: Outcome<PooledAnswer>): void;
}

/** Threads, and reads that may wait for one; beyond, tooManyRequests. */
const THREADS_MAX = 2;
const WAITING_MAX = 1000;
/** Tries of a read at the newest revision that compactions keep overtaking. */
const TRIES_MAX = 5;

/** Reads too big for an actor's thread. */
export class ReadPool {
  readonly #frontend: Frontend;
  readonly #storeDirectory: string;
  readonly #onFailure: (error: unknown) => void;
  readonly #threads: Piscina<ReadTask, ReadTaskResult>;
  readonly #waiting: { readonly request: PooledRequest; readonly reader: PooledReader }[] = [];
  #running = 0;

  /** `onFailure` hears of tasks that threw (a damaged store): the process must end. */
  constructor(options: {
    readonly frontend: Frontend;
    readonly storeDirectory: string;
    readonly onFailure: (error: unknown) => void;
  }) {
    this.#frontend = options.frontend;
    this.#storeDirectory = options.storeDirectory;
    this.#onFailure = options.onFailure;
    this.#threads = new Piscina({
      filename: new URL("./read-task.js", import.meta.url).href,
      name: "answerRead",
      minThreads: 0,
      maxThreads: THREADS_MAX,
      idleTimeout: 30_000,
    });
  }

  /**
   * Answers a read at the frontend's state when its turn comes. It waits here and not in the threads' own
   * queue: a task pins delta memory, and what only waits must not.
   */
  read(request: PooledRequest, reader: PooledReader): void {
    if (this.#waiting.length >= WAITING_MAX) {
      return reader.answer(refuse(ErrorCode.tooManyRequests));
    }
    this.#waiting.push({ request, reader });
    this.#startNext();
  }

  /** Ends the threads; reads under way are lost. */
  async close(): Promise<void> {
    this.#waiting.length = 0;
    await this.#threads.destroy();
  }

  #startNext(): void {
    while (this.#running < THREADS_MAX) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      if (next.reader.isWanted()) void this.#run(next.request, next.reader);
    }
  }

  async #run(request: PooledRequest, reader: PooledReader): Promise<void> {
    this.#running += 1;
    try {
      reader.answer(await this.#try(request, isLatest(request) ? TRIES_MAX : 1));
    } catch (error) {
      this.#onFailure(error);
      reader.answer(refuse(ErrorCode.stopped));
    } finally {
      this.#running -= 1;
      this.#startNext();
    }
  }

  async #try(request: PooledRequest, tries: number): Promise<Outcome<PooledAnswer>> {
    const result = await this.#task(request);
    if (result.code === 0) return succeed({ revision: result.revision, body: result.body });
    // "Newest" cannot be compacted: the state that the task was given is an old one by now.
    if (result.code === ErrorCode.compacted && tries > 1) return this.#try(request, tries - 1);
    return refuse(result.code);
  }

  async #task(request: PooledRequest): Promise<ReadTaskResult> {
    const { view } = this.#frontend;
    const pin = this.#frontend.pinDelta();
    try {
      return await this.#threads.run({
        storeDirectory: this.#storeDirectory,
        segments: view.delta.segments().map(({ number, buffer }) => ({ number, buffer })),
        from: pin.from,
        state: {
          appliedIndex: view.appliedIndex,
          revision: view.revision,
          compactRevision: view.compactRevision,
          end: view.end,
        },
        kind: request.kind,
        request: encode(request),
      });
    } finally {
      pin.release();
    }
  }
}

function encode(request: PooledRequest): Uint8Array {
  return request.kind === "range"
    ? RangeRequest.encode(request.request).finish()
    : TxnRequest.encode(request.request).finish();
}

/** Whether it reads nothing but the newest state, which no compaction takes away. */
function isLatest(request: PooledRequest): boolean {
  if (request.kind === "range") return request.request.revision <= 0n;
  return [...request.request.success, ...request.request.failure].every(
    (op) => op.request?.$case === "requestRange" && op.request.value.revision === 0n,
  );
}
