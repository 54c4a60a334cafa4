import { LatencyHistogram } from "./latency-histogram.js";
import { SecondSamples } from "./second-samples.js";

/** Reports the end of a call: why it failed, or which of the workload's series it belongs to. */
export type Done = (failure?: Error, series?: number) => void;

/** Starts one call of one client, and reports its end later, never at once. */
export type Operation = (done: Done) => void;

/** Failures after which a run makes no sense. */
const FAILURES_MAX = 100;
/** Different failures that are told apart. */
const FAILURE_TEXTS_MAX = 20;

/** What a tally counts, and where it shows how far it is. */
export interface TallyOptions {
  readonly series: number;
  /** Keep figures of every second. */
  readonly sample?: boolean;
  /** The first element is set to the number of calls that have ended. */
  readonly progress?: Float64Array;
}

/** Counts the calls of one thread's run. */
export class Tally {
  /** One per series. */
  readonly latencies: readonly LatencyHistogram[];
  readonly samples: SecondSamples | undefined;
  /** How often each failure was met, the first one first. */
  readonly failures = new Map<string, number>();
  /** Calls on a schedule that began late because all clients had one under way. */
  waited = 0;
  /** Calls on a schedule that had not begun when the run ended. */
  missed = 0;
  #failureCount = 0;
  #ended = 0;
  readonly #progress: Float64Array | undefined;

  constructor(options: TallyOptions) {
    this.latencies = Array.from({ length: options.series }, () => new LatencyHistogram());
    this.samples = options.sample === true ? new SecondSamples() : undefined;
    this.#progress = options.progress;
    if (this.#progress !== undefined) this.#progress[0] = 0;
  }

  /** Calls that have ended, failed ones included. */
  get ended(): number {
    return this.#ended;
  }

  /** Whether so many calls failed that no more should be made. */
  get isHopeless(): boolean {
    return this.#failureCount >= FAILURES_MAX;
  }

  /** Counts the end of a call. */
  count(
    call: { readonly startedUs: number; readonly endedUs: number },
    failure?: Error,
    series = 0,
  ) {
    this.#ended += 1;
    if (this.#progress !== undefined) this.#progress[0] = this.#ended;
    if (failure !== undefined) return this.#fail(failure);
    const durationUs = call.endedUs - call.startedUs;
    this.latencies[series]?.record(durationUs);
    this.samples?.record(call.startedUs, durationUs);
  }

  #fail(failure: Error): void {
    this.#failureCount += 1;
    const text = failureText(failure);
    const before = this.failures.get(text);
    const isRoom = this.failures.size < FAILURE_TEXTS_MAX;
    if (before !== undefined || isRoom) this.failures.set(text, (before ?? 0) + 1);
    else this.failures.set(OTHER_FAILURES, (this.failures.get(OTHER_FAILURES) ?? 0) + 1);
  }
}

const OTHER_FAILURES = "other failures";

/** A failure and what caused it, in one line. */
export function failureText(failure: Error): string {
  const { cause } = failure;
  const text = cause instanceof Error ? `${failure.message}: ${cause.message}` : failure.message;
  return text.replaceAll("\n", " ");
}
