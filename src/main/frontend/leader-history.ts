import { ErrorCode } from "../../shared/errors.js";

/** What this member has seen of leaders, and what that says of a request that timed out. Pure. */
export class LeaderHistory {
  readonly #electionTimeoutMs: number;
  #leaderId = 0n;
  #electedMs = Number.NEGATIVE_INFINITY;
  #lostMs = Number.NEGATIVE_INFINITY;

  constructor(electionTimeoutMs: number) {
    this.#electionTimeoutMs = electionTimeoutMs;
  }

  /** The leader as it is known now; 0 for none. */
  observe(leaderId: bigint, nowMs: number): void {
    if (leaderId === this.#leaderId) return;
    if (this.#leaderId !== 0n) this.#lostMs = nowMs;
    if (leaderId !== 0n) this.#electedMs = nowMs;
    this.#leaderId = leaderId;
  }

  /**
   * Why a request that began at `startedMs` has timed out (errors.md section 1.7). `isCutOff`: this member has
   * not been connected to the leader, or as the leader to a quorum, ever since.
   */
  timeoutCode(startedMs: number, isCutOff: (startedMs: number) => boolean): ErrorCode {
    if (this.#leaderId === 0n) {
      // A proposal that never found a leader fails as its context would (G-14).
      return this.#lostMs <= startedMs ? ErrorCode.deadlineExceeded : ErrorCode.timeout;
    }
    const previousLostMs = this.#electedMs - 2 * this.#electionTimeoutMs;
    if (startedMs > previousLostMs && startedMs < this.#electedMs) {
      return ErrorCode.timeoutLeaderFail;
    }
    return isCutOff(startedMs) ? ErrorCode.timeoutConnectionLost : ErrorCode.timeout;
  }
}
