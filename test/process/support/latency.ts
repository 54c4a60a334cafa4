/** Latencies of one kind of call, to be summed up in a line. */
export class Latencies {
  readonly #samplesMs: number[] = [];

  /** Times one call. */
  async time<T>(call: () => Promise<T>): Promise<T> {
    const startedMs = performance.now();
    const result = await call();
    this.#samplesMs.push(performance.now() - startedMs);
    return result;
  }

  /** How many were timed. */
  get count(): number {
    return this.#samplesMs.length;
  }

  /** Count, p50, p99 and maximum, for a diagnostic line. */
  toString(): string {
    const sorted = this.#samplesMs.toSorted((a, b) => a - b);
    const at = (share: number): string =>
      (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0).toFixed(1);
    return `${sorted.length} calls, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`;
  }
}
