import type { LogFields, Logger } from "../../shared/logger.js";
import type { LogPosition } from "../core/entry.js";
import { SNAPSHOT_LOG_MS } from "./bounds.js";

/** What the log says of one snapshot on its way: begin, every few seconds, end. */
export class SnapshotLog {
  readonly #logger: Logger;
  readonly #what: string;
  readonly #startMs = performance.now();
  #fields: LogFields;
  #bytes = 0;
  #saidMs = this.#startMs;
  #isStarted = false;

  constructor(logger: Logger, what: string, fields: LogFields) {
    this.#logger = logger;
    this.#what = what;
    this.#fields = fields;
  }

  /** What the snapshot is of is known. Said once. */
  started({ index, term }: LogPosition): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#fields = { ...this.#fields, "snapshot-index": index, "snapshot-term": term };
    this.#logger.info(`${this.#what}: started`, this.#fields);
  }

  /** So many bytes more. */
  progressed(bytes: number): void {
    this.#bytes += bytes;
    const nowMs = performance.now();
    if (nowMs - this.#saidMs < SNAPSHOT_LOG_MS) return;
    this.#saidMs = nowMs;
    this.#logger.info(`${this.#what}: under way`, { ...this.#fields, bytes: this.#bytes });
  }

  finished(): void {
    this.#logger.info(`${this.#what}: finished`, this.#outcome());
  }

  failed(error: unknown): void {
    this.#logger.warn(`${this.#what}: failed`, { ...this.#outcome(), error });
  }

  #outcome(): LogFields {
    const tookMs = Math.round(performance.now() - this.#startMs);
    return { ...this.#fields, bytes: this.#bytes, took: `${tookMs}ms` };
  }
}
