import { ConnectionError, Http2Code } from "./error-code.js";

/** How many frames without use a peer may send. */
export interface FrameCreditBounds {
  /** At once. */
  readonly burstMax: number;
  /** On end. */
  readonly perSecond: number;
}

/**
 * Bounds what a peer makes this side do for nothing: empty DATA, PRIORITY, SETTINGS, unknown frames, resets of
 * streams that are gone, windows that nobody needs. Time gives credit, and so does traffic with a use: a
 * client that works hard is never taken for a hostile one.
 */
export class FrameCredit {
  readonly #bounds: FrameCreditBounds;
  #credit: number;
  #filledMs: number;

  constructor(bounds: FrameCreditBounds, nowMs: number) {
    this.#bounds = bounds;
    this.#credit = bounds.burstMax;
    this.#filledMs = nowMs;
  }

  /** Traffic with a use, worth `frames` frames that may have none. */
  earn(frames: number): void {
    this.#credit = Math.min(this.#bounds.burstMax, this.#credit + frames);
  }

  /** A frame without use, as dear as `frames` of them. Throws ConnectionError when there were too many. */
  spend(frames: number, nowMs: number): void {
    this.#credit -= frames;
    if (this.#credit >= 0) return;
    const { burstMax, perSecond } = this.#bounds;
    const earned = ((nowMs - this.#filledMs) * perSecond) / 1000;
    this.#filledMs = nowMs;
    this.#credit = Math.min(burstMax, this.#credit + earned);
    if (this.#credit < 0) {
      throw new ConnectionError(Http2Code.ENHANCE_YOUR_CALM, "too many frames without use");
    }
  }
}
