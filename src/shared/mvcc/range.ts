/** Range at one revision (docs/facts/semantics.md section 3.2). */
import { type Outcome, succeed } from "../errors.js";
import {
  RangeRequest_SortOrder as Order,
  type RangeRequest,
  RangeRequest_SortTarget as Target,
} from "../gen/etcdserverpb/rpc.js";
import { encodeKeyValue, storedFields } from "./key-value.js";
import type { KeyVersion } from "./key-version.js";
import { type KeyBounds, keyBounds } from "./range-bounds.js";
import { sortVersions } from "./range-sort.js";
import type { ReadView } from "./read-view.js";
import { uvarintSize, writeUvarint } from "./varint.js";

const NO_VALUE = new Uint8Array(0);
const KVS_TAG = 0x12;
const MORE_TAG = 0x18;
const COUNT_TAG = 0x20;

/** What a range found. The arrays may lie in delta memory: encode them in the same turn. */
export interface RangeAnswer {
  /** Stored KeyValues, in answer order; without value for `keys_only`. */
  readonly keyValues: readonly Uint8Array[];
  /** Keys of the range at the revision, before filters and limit. */
  readonly count: number;
  readonly more: boolean;
  /** For the header: the newest revision, whatever revision was read (H-01, H-22). */
  readonly revision: number;
}

/** How much of a range a caller wants to do itself before it hands the request to somebody else. */
export interface RangeBudget {
  readonly keysMax: number;
  readonly bytesMax: number;
}

const UNLIMITED: RangeBudget = {
  keysMax: Number.POSITIVE_INFINITY,
  bytesMax: Number.POSITIVE_INFINITY,
};

/**
 * Answers a range. Key and enums of the request are checked by the caller. Refusals:
 * futureRevision, compacted.
 */
export function range(view: ReadView, request: RangeRequest): Outcome<RangeAnswer> {
  const revision = view.readRevision(request.revision);
  if (!revision.ok) return revision;
  const run = new RangeRun(view, request, UNLIMITED);
  return succeed(run.answer(revision.value));
}

/** `range` with a budget: "tooBig" once more keys are walked, or more bytes found, than it allows. */
export function rangeWithin(
  view: ReadView,
  request: RangeRequest,
  budget: RangeBudget,
): Outcome<RangeAnswer | "tooBig"> {
  const revision = view.readRevision(request.revision);
  if (!revision.ok) return revision;
  const run = new RangeRun(view, request, budget);
  const answer = run.answer(revision.value);
  return succeed(run.tooBig ? "tooBig" : answer);
}

/** Encodes a RangeResponse without its header: stored bytes behind their tags, then `more` and `count`. */
export function encodeRangeBody(answer: Omit<RangeAnswer, "revision">): Buffer {
  const { keyValues, more, count } = answer;
  let size = (more ? 2 : 0) + (count > 0 ? 1 + uvarintSize(count) : 0);
  for (const bytes of keyValues) size += 1 + uvarintSize(bytes.length) + bytes.length;
  const body = Buffer.allocUnsafe(size);
  let at = 0;
  for (const bytes of keyValues) {
    body[at] = KVS_TAG;
    at = writeUvarint(body, at + 1, bytes.length);
    body.set(bytes, at);
    at += bytes.length;
  }
  if (more) {
    body[at] = MORE_TAG;
    body[at + 1] = 1;
    at += 2;
  }
  if (count > 0) {
    body[at] = COUNT_TAG;
    writeUvarint(body, at + 1, count);
  }
  return body;
}

/**
 * The KeyValue of a version as an answer carries it. With `keys_only` the value is left out, and the lease
 * too (R-16: 3.7 answers from its index), unless the range is sorted by value and had to read it anyway.
 */
export function answeredKeyValue(version: KeyVersion, request: RangeRequest): Uint8Array {
  if (!request.keysOnly) return version.keyValue;
  if (request.sortTarget === Target.VALUE) {
    return encodeKeyValue({ ...storedFields(version.keyValue), value: NO_VALUE });
  }
  const { key, createRevision, modRevision, version: puts } = version;
  return encodeKeyValue({
    key,
    createRevision,
    modRevision,
    version: puts,
    value: NO_VALUE,
    lease: 0n,
  });
}

/** One range being answered. */
class RangeRun {
  tooBig = false;
  readonly #view: ReadView;
  readonly #request: RangeRequest;
  readonly #budget: RangeBudget;
  readonly #bounds: KeyBounds;
  readonly #filter: ((version: KeyVersion) => boolean) | undefined;
  /** Infinity for none. */
  readonly #limit: number;
  #count = 0;
  #bytes = 0;

  constructor(view: ReadView, request: RangeRequest, budget: RangeBudget) {
    this.#view = view;
    this.#request = request;
    this.#budget = budget;
    this.#bounds = keyBounds(request.key, request.rangeEnd);
    this.#filter = revisionFilter(request);
    this.#limit = request.limit > 0n ? Number(request.limit) : Number.POSITIVE_INFINITY;
  }

  answer(revision: number): RangeAnswer {
    const { sortOrder, sortTarget, countOnly } = this.#request;
    if (countOnly) return this.#countOnly(revision);
    if (sortTarget === Target.KEY && sortOrder !== Order.DESCEND) return this.#inKeyOrder(revision);
    return this.#sorted(revision);
  }

  /** */
  #countOnly(revision: number): RangeAnswer {
    this.#walk(revision, () => {});
    return this.#finish([], false);
  }

  /** values are read as they come, and only those that are answered. */
  #inKeyOrder(revision: number): RangeAnswer {
    const keyValues: Uint8Array[] = [];
    let matched = 0;
    this.#walk(revision, (version) => {
      if (this.#filter !== undefined && !this.#filter(version)) return;
      matched += 1;
      if (matched <= this.#limit) keyValues.push(this.#take(version));
    });
    return this.#finish(keyValues, matched > this.#limit);
  }

  /** all that match, or the first limit + 1 of them, are sorted before the limit cuts. */
  #sorted(revision: number): RangeAnswer {
    const { sortOrder, sortTarget } = this.#request;
    const cutFirst = sortOrder === Order.NONE && this.#filter === undefined;
    const candidatesMax = cutFirst ? this.#limit + 1 : Number.POSITIVE_INFINITY;
    const candidates: KeyVersion[] = [];
    this.#walk(revision, (version) => {
      if (candidates.length >= candidatesMax) return;
      if (this.#filter !== undefined && !this.#filter(version)) return;
      const candidate = version.copy();
      // The values decide the order: they count, and are kept, whether they are answered or not.
      if (sortTarget === Target.VALUE) this.#spend(candidate.keyValue);
      candidates.push(candidate);
    });
    if (this.tooBig) return this.#finish([], false);
    sortVersions(candidates, sortTarget, sortOrder === Order.DESCEND);
    const more = candidates.length > this.#limit;
    const answered = more ? candidates.slice(0, this.#limit) : candidates;
    const keyValues: Uint8Array[] = [];
    for (const candidate of answered) {
      keyValues.push(this.#take(candidate));
      if (this.tooBig) break;
    }
    return this.#finish(keyValues, more);
  }

  #walk(revision: number, visit: (version: KeyVersion) => void): void {
    this.#view.visit(this.#bounds, revision, (version) => {
      this.#count += 1;
      if (this.#count > this.#budget.keysMax) this.tooBig = true;
      else visit(version);
      return !this.tooBig;
    });
  }

  #take(version: KeyVersion): Uint8Array {
    const keyValue = answeredKeyValue(version, this.#request);
    this.#spend(keyValue);
    return keyValue;
  }

  #spend(bytes: Uint8Array): void {
    this.#bytes += bytes.length;
    if (this.#bytes > this.#budget.bytesMax) this.tooBig = true;
  }

  #finish(keyValues: readonly Uint8Array[], more: boolean): RangeAnswer {
    return { keyValues, count: this.#count, more, revision: this.#view.latestRevision };
  }
}

/** bounds are inclusive, 0 is off, negative ones are taken literally. */
function revisionFilter(request: RangeRequest): ((version: KeyVersion) => boolean) | undefined {
  const minMod = lowerBound(request.minModRevision);
  const maxMod = upperBound(request.maxModRevision);
  const minCreate = lowerBound(request.minCreateRevision);
  const maxCreate = upperBound(request.maxCreateRevision);
  const byCreate = request.minCreateRevision !== 0n || request.maxCreateRevision !== 0n;
  const byMod = request.minModRevision !== 0n || request.maxModRevision !== 0n;
  if (!byCreate && !byMod) return undefined;
  return (version) => {
    const { modRevision } = version;
    if (modRevision < minMod || modRevision > maxMod) return false;
    if (!byCreate) return true;
    // Of an old version in the base this costs reading its value: last.
    const { createRevision } = version;
    return createRevision >= minCreate && createRevision <= maxCreate;
  };
}

function lowerBound(revision: bigint): number {
  return revision === 0n ? Number.NEGATIVE_INFINITY : Number(revision);
}

function upperBound(revision: bigint): number {
  return revision === 0n ? Number.POSITIVE_INFINITY : Number(revision);
}
