import { ErrorCode } from "../shared/errors.js";
import { HashKVResponse, HashResponse } from "../shared/gen/etcdserverpb/rpc.js";
import { crc32c } from "../shared/mvcc/base/crc32c.js";
import { hashKeyValues } from "../shared/mvcc/base/hash-kv.js";
import type { ReadView } from "../shared/mvcc/read-view.js";
import { EMPTY_BODY } from "../shared/response-body.js";
import type { Answer } from "./frontend-port.js";
import type { BasePin, StorePort } from "./store-port.js";

/** Compactions whose hash is remembered (MT-32). */
const REMEMBERED_MAX = 10;
/** Hashes that may wait or run at once; further requests are refused with tooManyRequests. */
const JOBS_MAX = 32;
/** Longest slice of a hash. Nobody is in a hurry for it. */
const SLICE_MS = 2;

/** Who asks for a hash. */
export interface HashRequest {
  readonly kind: "hash" | "hashKv";
  readonly frontend: number;
  readonly requestId: number;
  /** 0 for the current one. */
  readonly revision: bigint;
}

/** The hash of everything up to a compacted revision, as it was before the compaction (MT-32). */
interface CompactionHash {
  readonly revision: number;
  /** Compacted before it, -1 for none. */
  readonly previous: number;
  hash: number | undefined;
  /** Who asked while it was not known yet. */
  readonly waiting: HashRequest[];
}

/** A hash to be made; of a compaction, or for a client. */
interface Job {
  readonly compaction: CompactionHash | undefined;
  readonly request: HashRequest | undefined;
  /** The base must hold everything up to here. */
  readonly appliedIndex: number;
  pin: BasePin | undefined;
  steps: Generator<void, number, undefined> | undefined;
}

/**
 * Hash and HashKV (MT-31 to MT-34), on snapshots of the base and in slices, one after the other. The state
 * asked for is brought into the base by a checkpoint first, so that there is one thing to walk.
 */
export class Hasher {
  readonly #store: StorePort;
  readonly #view: ReadView;
  readonly #clock: () => number;
  readonly #jobs: Job[] = [];
  #compactions: CompactionHash[] = [];
  #answers: Answer[] = [];

  constructor(options: {
    readonly store: StorePort;
    readonly view: ReadView;
    /** Monotonic milliseconds. */
    readonly clock: () => number;
  }) {
    this.#store = options.store;
    this.#view = options.view;
    this.#clock = options.clock;
  }

  /** A compaction was applied by the entry `appliedIndex`; nothing was removed for it yet. */
  compacted(
    compaction: { readonly revision: number; readonly previous: number },
    appliedIndex: number,
  ): void {
    const hash: CompactionHash = { ...compaction, hash: undefined, waiting: [] };
    this.#compactions.push(hash);
    // A later compaction is always a higher one.
    if (this.#compactions.length > REMEMBERED_MAX) this.#forget(this.#compactions.shift());
    this.#jobs.push({
      compaction: hash,
      request: undefined,
      appliedIndex,
      pin: undefined,
      steps: undefined,
    });
  }

  /** Takes a request in. False: the base must get a checkpoint before it can be worked on. */
  request(request: HashRequest, appliedIndex: number): boolean {
    const stored = this.#remembered(request);
    if (stored?.hash !== undefined) {
      this.#answerKv(request, { ...stored, hash: stored.hash });
      return true;
    }
    if (stored !== undefined) {
      stored.waiting.push(request);
      return true;
    }
    const code = this.#refusal(request);
    if (code !== 0) {
      this.#refuse(request, code);
      return true;
    }
    this.#jobs.push({
      compaction: undefined,
      request,
      appliedIndex,
      pin: undefined,
      steps: undefined,
    });
    return this.#store.state.appliedIndex >= appliedIndex;
  }

  /**
   * The view's base shows a new checkpoint: takes hold of the state for every hash that it has. Before a
   * compaction removes anything.
   */
  checkpointed(): void {
    for (const job of this.#jobs) {
      if (job.pin === undefined && job.appliedIndex <= this.#store.state.appliedIndex) {
        job.pin = this.#store.reader.pin();
      }
    }
  }

  /** Whether `turn` has something to do. */
  get hasWork(): boolean {
    const next = this.#jobs[0];
    if (next === undefined) return false;
    return next.pin !== undefined || next.appliedIndex <= this.#store.state.appliedIndex;
  }

  /** Goes on with the hash at the head for at most `budgetMs`. Whether it did anything. */
  turn(budgetMs: number): boolean {
    const job = this.#jobs[0];
    if (job === undefined || !this.hasWork) return false;
    job.pin ??= this.#store.reader.pin();
    job.steps ??= this.#begin(job, job.pin);
    const deadline = this.#clock() + Math.min(budgetMs, SLICE_MS);
    do {
      const step = job.steps.next();
      if (!step.done) continue;
      this.#jobs.shift();
      this.#finish(job, job.pin, step.value);
      job.pin.release();
      return true;
    } while (this.#clock() < deadline);
    return true;
  }

  /** Takes the answers that are ready. */
  takeAnswers(): Answer[] {
    const answers = this.#answers;
    this.#answers = [];
    return answers;
  }

  /** Refuses every request that is not answered yet. */
  refuseAll(code: ErrorCode): void {
    for (const { request } of this.#jobs) if (request !== undefined) this.#refuse(request, code);
    for (const { waiting } of this.#compactions) {
      for (const request of waiting) this.#refuse(request, code);
      waiting.length = 0;
    }
  }

  /** Lets go of every snapshot: the store is about to be closed. */
  close(): void {
    for (const job of this.#jobs) job.pin?.release();
    this.#jobs.length = 0;
  }

  /** The hash of a compaction to exactly this revision, also of one to revision 0. */
  #remembered({ kind, revision }: HashRequest): CompactionHash | undefined {
    if (kind === "hash") return undefined;
    return this.#compactions.find((compaction) => BigInt(compaction.revision) === revision);
  }

  #refusal({ revision }: HashRequest): ErrorCode | 0 {
    if (revision > this.#view.revision) return ErrorCode.futureRevision;
    if (revision > 0n && revision < this.#view.compactRevision) return ErrorCode.compacted;
    return this.#jobs.length >= JOBS_MAX ? ErrorCode.tooManyRequests : 0;
  }

  #begin(job: Job, pin: BasePin): Generator<void, number, undefined> {
    const { compaction, request } = job;
    const source = {
      visitChanges: pin.visitChanges.bind(pin),
      revisionAt: (key: Uint8Array, atRevision: number) => {
        const record = pin.keyRecord(key);
        return record && pin.keyRevisionAt(key, record, atRevision);
      },
    };
    if (compaction !== undefined) {
      const { revision, previous } = compaction;
      return hashKeyValues(source, { revision, compactRevision: previous });
    }
    const { revision, compactRevision } = pin.state;
    const asked =
      request === undefined || request.revision === 0n ? revision : Number(request.revision);
    // Nothing has a revision below 0, and nothing is what is hashed then.
    return asked < 0
      ? nothing()
      : hashKeyValues(source, {
          revision: asked,
          compactRevision: Math.min(compactRevision, asked),
        });
  }

  #finish({ compaction, request }: Job, pin: BasePin, hash: number): void {
    if (compaction !== undefined) {
      compaction.hash = hash;
      for (const waiting of compaction.waiting) this.#answerKv(waiting, { ...compaction, hash });
      compaction.waiting.length = 0;
    }
    if (request?.kind === "hash") {
      const response = { header: undefined, hash: hashSmallTables(pin, hash) };
      this.#answer(request, HashResponse.encode(response).finish());
    } else if (request !== undefined) {
      const { revision, compactRevision } = pin.state;
      const asked = request.revision === 0n ? revision : Number(request.revision);
      // It may have been compacted while it waited for the checkpoint.
      if (asked > 0 && asked < compactRevision) this.#refuse(request, ErrorCode.compacted);
      else this.#answerKv(request, { hash, previous: compactRevision, revision: asked });
    }
  }

  #forget(compaction: CompactionHash | undefined): void {
    if (compaction === undefined) return;
    for (const request of compaction.waiting) this.#refuse(request, ErrorCode.compacted);
    compaction.waiting.length = 0;
    // One that runs goes on: its generator may hold the snapshot's cursor.
    const at = this.#jobs.findIndex(
      (job) => job.compaction === compaction && job.steps === undefined,
    );
    if (at < 0) return;
    this.#jobs[at]?.pin?.release();
    this.#jobs.splice(at, 1);
  }

  #answerKv(
    request: HashRequest,
    result: { readonly hash: number; readonly previous: number; readonly revision: number },
  ): void {
    const response = {
      header: undefined,
      hash: result.hash,
      compactRevision: BigInt(result.previous),
      hashRevision: BigInt(result.revision),
    };
    this.#answer(request, HashKVResponse.encode(response).finish());
  }

  #answer({ frontend, requestId }: HashRequest, body: Uint8Array): void {
    this.#answers.push({ frontend, requestId, revision: this.#view.revision, code: 0, body });
  }

  #refuse({ frontend, requestId }: HashRequest, code: ErrorCode): void {
    const { revision } = this.#view;
    this.#answers.push({ frontend, requestId, revision, code, body: EMPTY_BODY });
  }
}

/** Continues the hash of all changes over the small tables: members that are equal give equal ones (MT-31). */
function hashSmallTables(pin: BasePin, hash: number): number {
  let crc = hash;
  const row = Buffer.alloc(16);
  const add = (id: bigint, body: Uint8Array): void => {
    row.writeBigUInt64BE(BigInt.asUintN(64, id), 0);
    row.writeUInt32BE(body.length, 8);
    crc = crc32c(body, crc32c(row, crc));
  };
  pin.visitLeases(add);
  pin.visitMembers(add);
  pin.visitAlarms((memberId, alarm) => add(memberId, Uint8Array.of(alarm)));
  return crc;
}

/** The hash of no changes at all. */
function* nothing(): Generator<void, number, undefined> {
  const source = { visitChanges: () => {}, revisionAt: () => undefined };
  return yield* hashKeyValues(source, { revision: 0, compactRevision: -1 });
}
