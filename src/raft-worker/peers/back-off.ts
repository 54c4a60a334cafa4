import { BACK_OFF_MS_MAX, BACK_OFF_MS_MIN } from "./bounds.js";

/** Pauses between attempts to reach a peer: each twice as long as the last, a random half of it left out. */
export class BackOff {
  #nextMs = BACK_OFF_MS_MIN;
  #end: (() => void) | undefined;

  /** Waits for the next pause, or until `cut` is called. */
  pause(): Promise<void> {
    const pauseMs = this.#nextMs * (0.5 + Math.random() / 2);
    this.#nextMs = Math.min(this.#nextMs * 2, BACK_OFF_MS_MAX);
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#end?.(), pauseMs);
      this.#end = () => {
        this.#end = undefined;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  /** Ends a pause under way. */
  cut(): void {
    this.#end?.();
  }

  /** The peer could be reached for a while: the next pause is the shortest. */
  reset(): void {
    this.#nextMs = BACK_OFF_MS_MIN;
  }
}
