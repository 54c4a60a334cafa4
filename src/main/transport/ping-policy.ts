import { IDLE_PING_INTERVAL_MS, PING_STRIKES_MAX } from "../../shared/limits.js";

/** What the connection was doing when a ping came. */
export interface PingSituation {
  /** Monotonic milliseconds. */
  readonly nowMs: number;
  /** Calls that are open on the connection. */
  readonly openCalls: number;
  /** Headers or data went to the client since its last ping, which clears the strikes. */
  readonly sentSinceLastPing: boolean;
}

/**
 * Tells, for one connection, when a client pings too much (grpc/proposal A8: too early twice is forgiven,
 * the third time is not, and sending anything to the client forgives all).
 */
export class PingPolicy {
  readonly #minIntervalMs: number;
  #strikes = 0;
  #lastPingMs = Number.NEGATIVE_INFINITY;

  /** `minIntervalMs`: --grpc-keepalive-min-time. */
  constructor(minIntervalMs: number) {
    this.#minIntervalMs = minIntervalMs;
  }

  /** Counts a ping. True when the client has to be sent away with `too_many_pings`. */
  isTooMuch(situation: PingSituation): boolean {
    const { nowMs, openCalls, sentSinceLastPing } = situation;
    const intervalMs = openCalls > 0 ? this.#minIntervalMs : IDLE_PING_INTERVAL_MS;
    const early = nowMs - this.#lastPingMs < intervalMs;
    this.#lastPingMs = nowMs;
    if (sentSinceLastPing) {
      this.#strikes = 0;
      return false;
    }
    if (early) this.#strikes += 1;
    return this.#strikes > PING_STRIKES_MAX;
  }
}
