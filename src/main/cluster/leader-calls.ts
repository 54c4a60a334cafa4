import { ErrorCode } from "../../shared/errors.js";
import { PEER_QUESTIONS_OPEN_MAX } from "../../shared/limits.js";
import type { AnswerHandler } from "../frontend/pending.js";

/** Something that only the leader can do, asked for by a client of any member. */
export interface LeaderCall {
  /** Tries it once, here or there; `done` is called once, or never when the try was lost. */
  attempt(done: AnswerHandler): void;
  /** False when nobody waits any more: it is then not tried again, and not answered. */
  isWanted(): boolean;
  /** Whether a try that was perhaps only delayed may be made a second time. Default: yes. */
  readonly isRepeatable?: boolean;
}

/** Bounds in time, and what tells of the leader. */
export interface LeaderCallOptions {
  /** Of a call as a whole. */
  readonly timeoutMs: number;
  /** Of one try: then its question or the answer is taken for lost. */
  readonly attemptMs: number;
  readonly nowMs: () => number;
  /** Who leads, as far as this member knows; 0 for nobody. */
  readonly leaderId: () => bigint;
}

interface Run {
  readonly call: LeaderCall;
  readonly handler: AnswerHandler;
  readonly startedMs: number;
  attemptedMs: number;
  /** Who led when the try began. */
  leaderId: bigint;
  /** Number of the try under way; answers of earlier ones are nobody's. */
  attempt: number;
  isWaiting: boolean;
  code: ErrorCode;
}

/** Pause before the next try. */
const RETRY_MS = 50;

/** What goes away when there is a leader and a way to it. */
const PASSING: ReadonlySet<ErrorCode | 0> = new Set([
  ErrorCode.noLeader,
  ErrorCode.notLeader,
  ErrorCode.leaderChanged,
  ErrorCode.notPrimaryLessor,
  ErrorCode.timeout,
  ErrorCode.timeoutConnectionLost,
]);

const NO_BYTES = new Uint8Array(0);

/**
 * Calls that find their leader (L-26, L-34): tried again until one has answered, or their time is over. Their
 * number is bounded.
 */
export class LeaderCalls {
  readonly #options: LeaderCallOptions;
  /** Oldest first. */
  readonly #runs = new Set<Run>();
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LeaderCallOptions) {
    this.#options = options;
  }

  /** Makes a call. The handler is called once, unless the call is not wanted any more. */
  make(call: LeaderCall, handler: AnswerHandler): void {
    if (this.#runs.size >= PEER_QUESTIONS_OPEN_MAX) {
      return handler(ErrorCode.tooManyRequests, 0, NO_BYTES, 0, 0);
    }
    const startedMs = this.#options.nowMs();
    const run: Run = {
      call,
      handler,
      startedMs,
      attemptedMs: startedMs,
      leaderId: 0n,
      attempt: 0,
      isWaiting: false,
      code: ErrorCode.timeout,
    };
    this.#runs.add(run);
    this.#try(run, startedMs);
    if (this.#runs.size > 0) this.#timer ??= setInterval(() => this.#tick(), RETRY_MS).unref();
  }

  #try(run: Run, nowMs: number): void {
    run.attempt += 1;
    run.attemptedMs = nowMs;
    run.leaderId = this.#options.leaderId();
    run.isWaiting = false;
    const { attempt } = run;
    run.call.attempt((code, revision, bytes, offset, length) => {
      if (run.attempt !== attempt || run.isWaiting || !this.#runs.has(run)) return;
      if (!PASSING.has(code)) {
        this.#runs.delete(run);
        if (run.call.isWanted()) run.handler(code, revision, bytes, offset, length);
        return;
      }
      run.isWaiting = true;
      run.code = code === ErrorCode.noLeader ? code : ErrorCode.timeout;
    });
  }

  #tick(): void {
    const { timeoutMs, nowMs } = this.#options;
    const now = nowMs();
    for (const run of [...this.#runs]) {
      if (!run.call.isWanted()) this.#runs.delete(run);
      else if (now - run.startedMs >= timeoutMs) this.#finish(run, run.code);
      else if (run.isWaiting || this.#isLost(run, now)) this.#try(run, now);
    }
    if (this.#runs.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Whether the try under way is to be made anew: nothing came for long, or another member leads by now. */
  #isLost({ call, attemptedMs, leaderId }: Run, nowMs: number): boolean {
    if (call.isRepeatable === false) return false;
    const leads = this.#options.leaderId();
    const hasNewLeader = leads !== 0n && leads !== leaderId;
    return hasNewLeader || nowMs - attemptedMs >= this.#options.attemptMs;
  }

  #finish(run: Run, code: ErrorCode): void {
    if (!this.#runs.delete(run)) return;
    if (run.call.isWanted()) run.handler(code, 0, NO_BYTES, 0, 0);
  }
}
