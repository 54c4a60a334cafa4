import { ErrorCode, errorFacts } from "../../shared/errors.js";
import { NO_LEADER_CHECKS_MAX } from "../../shared/limits.js";
import type { StreamCall } from "./method.js";

/** What this member knows of a leader. */
export interface LeaderStatus {
  hasLeader(): boolean;
  readonly electionTimeoutMs: number;
}

/**
 * Ends the streams whose client asked for a leader (`hasleader`) when this member has seen none in several
 * checks in a row, one per election timeout (docs/facts/limits.md section 4).
 */
export class LeaderWatch {
  readonly #status: LeaderStatus;
  readonly #streams = new Set<StreamCall>();
  #checksWithout = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(status: LeaderStatus) {
    this.#status = status;
  }

  /** Whether this member knows a leader now. */
  hasLeader(): boolean {
    return this.#status.hasLeader();
  }

  /** Takes a stream under watch until it ends. */
  add(stream: StreamCall): void {
    this.#streams.add(stream);
  }

  /** Streams under watch; those that ended since the last check are among them. */
  get size(): number {
    return this.#streams.size;
  }

  /** Begins to check, once per election timeout. */
  start(): void {
    this.#timer ??= setInterval(() => this.check(), this.#status.electionTimeoutMs).unref();
  }

  /** Stops checking. */
  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** One check. */
  check(): void {
    this.#checksWithout = this.#status.hasLeader() ? 0 : this.#checksWithout + 1;
    const tooLong = this.#checksWithout === NO_LEADER_CHECKS_MAX;
    for (const stream of this.#streams) {
      if (tooLong) stream.abort(errorFacts(ErrorCode.noLeader));
      if (stream.ended) this.#streams.delete(stream);
    }
  }
}
