import { Piscina } from "piscina";
import { ErrorCode, type Outcome, refuse, succeed } from "../../shared/errors.js";
import { RangeRequest } from "../../shared/gen/etcdserverpb/rpc.js";
import type { Frontend } from "../frontend/frontend.js";
import type { RangeTask, RangeTaskResult } from "./range-task.js";

/** A range answered by the pool: body without header, and the revision for the header. */
export interface PooledRange {
  readonly revision: number;
  readonly body: Uint8Array;
}

/** Threads, and ranges that may wait for one; beyond, tooManyRequests. */
const THREADS_MAX = 2;
const QUEUE_MAX = 1000;
/** Tries of a range at the newest revision that compactions keep overtaking. */
const TRIES_MAX = 5;

/** Ranges too big for an actor's thread. */
export class RangePool {
  readonly #frontend: Frontend;
  readonly #storeDirectory: string;
  readonly #onFailure: (error: unknown) => void;
  readonly #threads: Piscina<RangeTask, RangeTaskResult>;

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
      filename: new URL("./range-task.js", import.meta.url).href,
      name: "answerRange",
      minThreads: 0,
      maxThreads: THREADS_MAX,
      maxQueue: QUEUE_MAX,
      idleTimeout: 30_000,
    });
  }

  /** Answers a range at the frontend's present state. */
  range(request: RangeRequest, answer: (outcome: Outcome<PooledRange>) => void): void {
    if (this.#threads.queueSize >= QUEUE_MAX) return answer(refuse(ErrorCode.tooManyRequests));
    const bytes = RangeRequest.encode(request).finish();
    this.#run(bytes, request.revision <= 0n ? TRIES_MAX : 1).then(answer, (error: unknown) => {
      this.#onFailure(error);
      answer(refuse(ErrorCode.stopped));
    });
  }

  /** Ends the threads; tasks under way are lost. */
  async close(): Promise<void> {
    await this.#threads.destroy();
  }

  async #run(request: Uint8Array, tries: number): Promise<Outcome<PooledRange>> {
    const result = await this.#task(request);
    if (result.code === 0) return succeed({ revision: result.revision, body: result.body });
    // "Newest" cannot be compacted: the state that the task was given is an old one by now.
    if (result.code === ErrorCode.compacted && tries > 1) return this.#run(request, tries - 1);
    return refuse(result.code);
  }

  async #task(request: Uint8Array): Promise<RangeTaskResult> {
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
        request,
      });
    } finally {
      pin.release();
    }
  }
}
