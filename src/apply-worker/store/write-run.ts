import { statfsSync } from "node:fs";
import type { RootDatabase } from "lmdb";
import { assert } from "../../shared/assert.js";
import { MIB } from "../../shared/limits.js";
import { mapLmdbError } from "../../shared/mvcc/base/store-errors.js";

/**
 * Where a run stands. `opening` and `committing` need turns of the event loop, not steps; `done` means
 * that the transaction is visible and on disk.
 */
export type RunState = "opening" | "writing" | "committing" | "done" | "failed";

/** What a run needs. */
export interface WriteRunOptions<T> {
  readonly root: RootDatabase<Uint8Array, Uint8Array>;
  /** Where the store is. */
  readonly directory: string;
  /** The writes, in small steps. */
  readonly work: Generator<void, T, undefined>;
  /** Called before `finished` settles, with the work's result or, after a failure, without. */
  readonly onEnd: (result: { readonly value: T } | undefined) => void;
}

/**
 * One LMDB write transaction spread over turns. LMDB's own thread begins and commits it, writes the pages
 * and waits for the disk; the steps in between are put into it on this thread, a few milliseconds at a
 * time. Reads of other handles see the store as it was before until the commit.
 *
 * While a run is between `opening` and its end this thread holds a native lock that LMDB takes at exit: a
 * process or worker that exits meanwhile hangs. Let the run end, or `abort` it, before.
 */
export class WriteRun<T> {
  /** Settles with the run: what the work gave, or why it failed. Nothing was written when it did. */
  readonly finished: Promise<T>;
  readonly #work: Generator<void, T, undefined>;
  readonly #onEnd: (result: { readonly value: T } | undefined) => void;
  readonly #directory: string;
  #state: RunState = "opening";
  #result: { readonly value: T } | undefined;
  #commit: () => void = ignore;
  #rollBack: (reason: unknown) => void = ignore;
  #abortReason: Error | undefined;

  constructor(options: WriteRunOptions<T>) {
    this.#directory = options.directory;
    this.#work = options.work;
    this.#onEnd = options.onEnd;
    this.finished = this.#run(options.root);
    // The owner looks at `state` each turn; whoever wants the error awaits `finished`.
    this.finished.catch(ignore);
  }

  get state(): RunState {
    return this.#state;
  }

  /** Writes until `budgetMs` have passed or nothing is left to write. Call it in every turn. */
  step(budgetMs: number): RunState {
    if (this.#state !== "writing") return this.#state;
    const deadline = performance.now() + budgetMs;
    try {
      do {
        const next = this.#work.next();
        if (!next.done) continue;
        this.#result = { value: next.value };
        this.#state = "committing";
        this.#commit();
        break;
      } while (performance.now() < deadline);
    } catch (error) {
      this.#state = "committing";
      this.#rollBack(error);
    }
    return this.#state;
  }

  /** Gives the transaction up if it is not committing yet; `finished` then rejects. */
  abort(reason: Error): void {
    this.#abortReason ??= reason;
    if (this.#state !== "writing") return;
    this.#state = "committing";
    this.#rollBack(reason);
  }

  async #run(root: RootDatabase<Uint8Array, Uint8Array>): Promise<T> {
    try {
      // A child transaction, because lmdb-js can roll back only those; merging it into its empty parent
      // copies no page.
      await root.childTransaction(
        () =>
          new Promise<void>((resolve, reject) => {
            this.#commit = resolve;
            this.#rollBack = reject;
            if (this.#abortReason) reject(this.#abortReason);
            else this.#state = "writing";
          }),
      );
      await root.flushed;
      assert(this.#result, "a transaction ends with its work");
      this.#state = "done";
      this.#onEnd(this.#result);
      return this.#result.value;
    } catch (error) {
      this.#state = "failed";
      // Work that was left half-way still holds a snapshot and a cursor.
      this.#work.return(NO_RESULT as never);
      this.#onEnd(undefined);
      throw await runError(error, this.#directory);
    }
  }
}

/** Why a run failed. lmdb-js rejects with "Commit failed" and has the reason in a promise beside it. */
async function runError(error: unknown, directory: string): Promise<Error> {
  if (!(error instanceof Error && "commitError" in error)) return mapLmdbError(error, "write");
  const reason = await Promise.resolve(error.commitError).catch((cause: unknown) => cause);
  // LMDB says "Input/output error" when a write came out short, which a full disk does.
  return mapLmdbError(reason, isDiskFull(directory) ? "commit: no space left on device" : "commit");
}

function isDiskFull(directory: string): boolean {
  const { bavail, bsize } = statfsSync(directory);
  return bavail * bsize < DISK_FULL_BYTES;
}

/** Less than this free after a failed commit: the disk was full. */
const DISK_FULL_BYTES = 16 * MIB;
const NO_RESULT = undefined;

function ignore(): void {}
