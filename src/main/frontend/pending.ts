import { ErrorCode } from "../../shared/errors.js";

/**
 * Takes the answer to one request, once. On success `code` is 0 and the body is `length` bytes of `bytes`
 * from `offset`, valid during the call only; on failure `length` is 0.
 */
export type AnswerHandler = (
  code: ErrorCode | 0,
  revision: number,
  bytes: Uint8Array,
  offset: number,
  length: number,
) => void;

const NO_BYTES = new Uint8Array(0);

interface PendingRequest {
  readonly handler: AnswerHandler;
  readonly sizeBytes: number;
  readonly startedMs: number;
}

/** Bounds of what may wait for an answer at once. */
export interface PendingLimits {
  readonly countMax: number;
  readonly bytesMax: number;
}

/**
 * Requests on their way through the other actors, by id. Ids ascend and all wait equally long, so the
 * oldest is always first: expiry looks at the front only.
 */
export class PendingTable {
  readonly #limits: PendingLimits;
  readonly #requests = new Map<number, PendingRequest>();
  #lastId = 0;
  #bytes = 0;

  constructor(limits: PendingLimits) {
    this.#limits = limits;
  }

  get count(): number {
    return this.#requests.size;
  }

  /** Registers a request and gives its id, or undefined when too much is waiting already. */
  add(handler: AnswerHandler, sizeBytes: number, nowMs: number): number | undefined {
    if (this.#requests.size >= this.#limits.countMax) return undefined;
    if (this.#bytes + sizeBytes > this.#limits.bytesMax && this.#requests.size > 0)
      return undefined;
    const id = ++this.#lastId;
    this.#requests.set(id, { handler, sizeBytes, startedMs: nowMs });
    this.#bytes += sizeBytes;
    return id;
  }

  /** Answers a request; one that has timed out, or is not of this process, is ignored. */
  answer(
    id: number,
    code: ErrorCode | 0,
    revision: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): void {
    const request = this.#take(id);
    request?.handler(code, revision, bytes, offset, length);
  }

  /** Refuses one request. */
  refuse(id: number, code: ErrorCode): void {
    this.answer(id, code, 0, NO_BYTES, 0, 0);
  }

  /** Refuses what has waited since `startedBeforeMs` or longer. Returns how many. */
  expire(startedBeforeMs: number, code: ErrorCode): number {
    let expired = 0;
    for (const [id, request] of this.#requests) {
      if (request.startedMs > startedBeforeMs) break;
      this.refuse(id, code);
      expired++;
    }
    return expired;
  }

  /** Refuses everything: the server stops. */
  refuseAll(): void {
    for (const id of [...this.#requests.keys()]) this.refuse(id, ErrorCode.stopped);
  }

  #take(id: number): PendingRequest | undefined {
    const request = this.#requests.get(id);
    if (request === undefined) return undefined;
    this.#requests.delete(id);
    this.#bytes -= request.sizeBytes;
    return request;
  }
}
