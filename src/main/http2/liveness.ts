/** Times of one connection, in milliseconds. */
export interface LivenessTimes {
  /** For the preface and the first SETTINGS to come. */
  readonly prefaceTimeoutMs: number;
  /** For our SETTINGS to be acknowledged. */
  readonly settingsTimeoutMs: number;
  /** Silence after which the peer is pinged; 0 is never. */
  readonly keepaliveIntervalMs: number;
  /** For the answer to that ping, or any other sign of life; 0 is for ever. */
  readonly keepaliveTimeoutMs: number;
}

/** What the clock asks for. */
export type Due = "nothing" | "ping" | "no-preface" | "no-settings-ack" | "silent";

/** Tells when a peer is too slow or gone. Monotonic milliseconds come in as numbers. */
export class Liveness {
  readonly #times: LivenessTimes;
  readonly #openedMs: number;
  #receivedMs: number;
  #pingedMs: number | undefined;
  /** The preface and a first SETTINGS frame have come. */
  isGreeted = false;
  /** Our SETTINGS have been acknowledged. */
  isAcknowledged = false;

  constructor(times: LivenessTimes, nowMs: number) {
    this.#times = times;
    this.#openedMs = nowMs;
    this.#receivedMs = nowMs;
  }

  /** Bytes have come. */
  received(nowMs: number): void {
    this.#receivedMs = nowMs;
    this.#pingedMs = undefined;
  }

  /** What is to be done now. A ping that is due counts as sent. */
  due(nowMs: number): Due {
    const times = this.#times;
    const ageMs = nowMs - this.#openedMs;
    if (!this.isGreeted) return ageMs > times.prefaceTimeoutMs ? "no-preface" : "nothing";
    if (!this.isAcknowledged && ageMs > times.settingsTimeoutMs) return "no-settings-ack";
    if (times.keepaliveIntervalMs === 0) return "nothing";
    if (this.#pingedMs !== undefined) {
      const { keepaliveTimeoutMs } = times;
      const isLate = nowMs - this.#pingedMs > keepaliveTimeoutMs && keepaliveTimeoutMs > 0;
      return isLate ? "silent" : "nothing";
    }
    if (nowMs - this.#receivedMs < times.keepaliveIntervalMs) return "nothing";
    this.#pingedMs = nowMs;
    return "ping";
  }
}
