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

interface PatientRequest extends PendingRequest {
  readonly send: (id: number) => void;
}

/** Bounds of what may wait for an answer at once. */
export interface PendingLimits {
  readonly countMax: number;
  readonly bytesMax: number;
  /** The first id; default 1. */
  readonly firstId?: number;
}

/**
 * Requests on their way through the other actors, by id. Ids ascend and all wait equally long, so the
 * oldest is always first: expiry looks at the front only. Those that wait for ever (CL-13) are kept apart,
 * until they are answered or abandoned.
 */
export class PendingTable {
  readonly #limits: PendingLimits;
  readonly #requests = new Map<number, PendingRequest>();
  readonly #patient = new Map<number, PatientRequest>();
  #lastId: number;
  #bytes = 0;

  constructor(limits: PendingLimits) {
    this.#limits = limits;
    this.#lastId = (limits.firstId ?? 1) - 1;
  }

  get count(): number {
    return this.#requests.size + this.#patient.size;
  }

  /** Registers a request and gives its id, or undefined when too much is waiting already. */
  add(handler: AnswerHandler, sizeBytes: number, nowMs: number): number | undefined {
    return this.#add(this.#requests, { handler, sizeBytes, startedMs: nowMs });
  }

  /**
   * The same for a request that never expires: who waits for it must `abandon` it in the end. It is for the
   * caller to `send` it first; `sendAgain` does so from then on.
   */
  addPatient(
    handler: AnswerHandler,
    sizeBytes: number,
    send: (id: number) => void,
  ): number | undefined {
    return this.#add(this.#patient, { handler, sizeBytes, startedMs: 0, send });
  }

  /** Sends a patient request once more. False when none waits under this id. */
  sendAgain(id: number): boolean {
    const request = this.#patient.get(id);
    request?.send(id);
    return request !== undefined;
  }

  /** Answers a request. False, and nothing happens, when it has timed out or is not of this process. */
  answer(
    id: number,
    code: ErrorCode | 0,
    revision: number,
    bytes: Uint8Array,
    offset: number,
    length: number,
  ): boolean {
    const request = this.#take(id);
    request?.handler(code, revision, bytes, offset, length);
    return request !== undefined;
  }

  /** Refuses one request. False when it does not wait any more. */
  refuse(id: number, code: ErrorCode): boolean {
    return this.answer(id, code, 0, NO_BYTES, 0, 0);
  }

  /** Forgets a request that nobody waits for any more; its handler is not called. */
  abandon(id: number): void {
    this.#take(id);
  }

  /** Refuses what has waited since `startedBeforeMs` or longer. Returns how many. */
  expire(startedBeforeMs: number, codeOf: (startedMs: number) => ErrorCode): number {
    let expired = 0;
    for (const [id, { startedMs }] of this.#requests) {
      if (startedMs > startedBeforeMs) break;
      this.refuse(id, codeOf(startedMs));
      expired++;
    }
    return expired;
  }

  /** Refuses everything: the server stops. */
  refuseAll(): void {
    const ids = [...this.#requests.keys(), ...this.#patient.keys()];
    for (const id of ids) this.refuse(id, ErrorCode.stopped);
  }

  #add<T extends PendingRequest>(requests: Map<number, T>, request: T): number | undefined {
    const { countMax, bytesMax } = this.#limits;
    if (this.count >= countMax) return undefined;
    if (this.#bytes + request.sizeBytes > bytesMax && this.count > 0) return undefined;
    const id = ++this.#lastId;
    requests.set(id, request);
    this.#bytes += request.sizeBytes;
    return id;
  }

  #take(id: number): PendingRequest | undefined {
    const requests = this.#requests.has(id) ? this.#requests : this.#patient;
    const request = requests.get(id);
    if (request === undefined) return undefined;
    requests.delete(id);
    this.#bytes -= request.sizeBytes;
    return request;
  }
}
