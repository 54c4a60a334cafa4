import { ErrorCode } from "../../shared/errors.js";

/** Renewals that may wait for the log at once; more are answered with *too many requests*. */
export const RENEWALS_WAITING_MAX = 10_000;
/** A renewal that waited this long is answered with a timeout: the request timeout of limits.md section 4. */
export const RENEWAL_WAIT_MS = 7000;

/** Who asks for a renewal of which lease. */
export interface RenewalRequest {
  readonly frontend: number;
  readonly requestId: number;
  readonly id: bigint;
}

/** The answer: the full TTL, or 0 when the lease is gone (L-21, L-22); or a refusal. */
export interface RenewalAnswer extends RenewalRequest {
  readonly code: ErrorCode | 0;
  readonly ttlSeconds: number;
}

interface Waiting {
  readonly request: RenewalRequest;
  readonly sinceMs: number;
}

/** Renewals that wait for an entry to be applied, by lease. */
export class RenewalQueue {
  readonly #waiting = new Map<bigint, Waiting[]>();
  #size = 0;
  #answers: RenewalAnswer[] = [];

  /** Renewals that wait. */
  get size(): number {
    return this.#size;
  }

  /** Takes a renewal in; false when there is no room. */
  wait(request: RenewalRequest, nowMs: number): boolean {
    if (this.#size >= RENEWALS_WAITING_MAX) return false;
    const waiting = this.#waiting.get(request.id);
    if (waiting === undefined) this.#waiting.set(request.id, [{ request, sinceMs: nowMs }]);
    else waiting.push({ request, sinceMs: nowMs });
    this.#size += 1;
    return true;
  }

  /** Answers everybody who waits for this lease. */
  settle(id: bigint, answer: { readonly code: ErrorCode | 0; readonly ttlSeconds: number }): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    this.#size -= waiting.length;
    for (const { request } of waiting) this.#answers.push({ ...request, ...answer });
  }

  /** Answers everybody with a refusal. */
  refuseAll(code: ErrorCode): void {
    for (const id of [...this.#waiting.keys()]) this.settle(id, { code, ttlSeconds: 0 });
  }

  /** Answers those who waited too long: their entry was lost, or the group has no quorum. */
  expire(nowMs: number): void {
    for (const [id, waiting] of [...this.#waiting]) {
      const late = waiting.filter(({ sinceMs }) => nowMs - sinceMs >= RENEWAL_WAIT_MS);
      if (late.length === 0) continue;
      const young = waiting.filter(({ sinceMs }) => nowMs - sinceMs < RENEWAL_WAIT_MS);
      this.#waiting.set(id, late);
      this.settle(id, { code: ErrorCode.timeout, ttlSeconds: 0 });
      if (young.length > 0) this.#waiting.set(id, young);
    }
  }

  /** Takes the answers given since the last call. */
  takeAnswers(): RenewalAnswer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }
}
