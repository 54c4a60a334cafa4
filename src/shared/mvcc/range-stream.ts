/** RangeStream: one range in chunks, at a revision that is pinned when it starts (RS-01 to RS-07). */
import { ErrorCode, type Outcome, refuse, succeed } from "../errors.js";
import type { RangeRequest } from "../gen/etcdserverpb/rpc.js";
import { answeredKeyValue } from "./range.js";
import { type KeyBounds, keyBounds } from "./range-bounds.js";
import type { ReadView } from "./read-view.js";

/** Keys of the first message (RS-03). */
const FIRST_CHUNK_KEYS = 10;
const CHUNK_KEYS_MAX = 65_536;
/** Keys that one step walks for the final count when a limit ended the answer before the range. */
const COUNT_STEP_KEYS = 10_000;

/** What one step gave: a message to send, or nothing to send yet. Encode its bytes in the same turn. */
export type RangeStreamStep =
  | { readonly kind: "chunk"; readonly keyValues: readonly Uint8Array[] }
  | {
      readonly kind: "last";
      readonly keyValues: readonly Uint8Array[];
      readonly count: number;
      readonly more: boolean;
      /** For the header: the pinned "current" revision (RS-04). */
      readonly revision: number;
    }
  | { readonly kind: "counting" };

/**
 * A range that is read step by step, each in a turn of its own; writes in between are not seen. The view
 * may move on freely between steps: only compaction beyond the pinned revision ends the stream (RS-07).
 */
export class RangeStream {
  readonly #view: ReadView;
  readonly #request: RangeRequest;
  readonly #revision: number;
  readonly #headerRevision: number;
  readonly #chunkBytes: number;
  readonly #limit: number;
  #rest: KeyBounds;
  #chunkKeys = FIRST_CHUNK_KEYS;
  #count = 0;
  #sent = 0;
  #held: Uint8Array[] = [];
  #counting: boolean;

  /** Pins the revision. Refusals: futureRevision, compacted. `chunkBytes`: aim for the size of a message. */
  static open(view: ReadView, request: RangeRequest, chunkBytes: number): Outcome<RangeStream> {
    const revision = view.readRevision(request.revision);
    if (!revision.ok) return revision;
    return succeed(new RangeStream(view, request, { revision: revision.value, chunkBytes }));
  }

  private constructor(
    view: ReadView,
    request: RangeRequest,
    pinned: { readonly revision: number; readonly chunkBytes: number },
  ) {
    this.#view = view;
    this.#request = request;
    this.#revision = pinned.revision;
    this.#headerRevision = view.latestRevision;
    this.#chunkBytes = pinned.chunkBytes;
    this.#limit = request.limit > 0n ? Number(request.limit) : Number.POSITIVE_INFINITY;
    this.#rest = keyBounds(request.key, request.rangeEnd);
    this.#counting = request.countOnly;
  }

  /** Does the next step. Refusal: compacted. Not to be called after "last". */
  step(): Outcome<RangeStreamStep> {
    if (this.#revision < this.#view.compactRevision) return refuse(ErrorCode.compacted);
    return succeed(this.#counting ? this.#countStep() : this.#chunkStep());
  }

  #chunkStep(): RangeStreamStep {
    const keysMax = Math.min(this.#chunkKeys, this.#limit - this.#sent);
    const keyValues: Uint8Array[] = [];
    let bytes = 0;
    const ended = this.#walk(keysMax, (keyValue) => {
      keyValues.push(keyValue);
      bytes += keyValue.length;
    });
    this.#sent += keyValues.length;
    if (ended) return this.#last(keyValues);
    if (this.#sent === this.#limit) {
      // The last message must carry these and the count: keep copies while the rest is counted.
      this.#held = keyValues.map((keyValue) => Uint8Array.from(keyValue));
      this.#counting = true;
      return this.#countStep();
    }
    this.#resize(bytes);
    return { kind: "chunk", keyValues };
  }

  #countStep(): RangeStreamStep {
    return this.#walk(COUNT_STEP_KEYS, undefined) ? this.#last(this.#held) : { kind: "counting" };
  }

  /** Walks up to `keysMax` keys of the rest; true when the range has no more. */
  #walk(keysMax: number, take: ((keyValue: Uint8Array) => void) | undefined): boolean {
    let walked = 0;
    let next: Uint8Array | undefined;
    this.#view.visit(this.#rest, this.#revision, (version) => {
      if (walked === keysMax) {
        next = Uint8Array.from(version.key);
        return false;
      }
      walked += 1;
      take?.(answeredKeyValue(version, this.#request));
      return true;
    });
    this.#count += walked;
    if (next !== undefined) this.#rest = { ...this.#rest, start: next };
    return next === undefined;
  }

  #last(keyValues: readonly Uint8Array[]): RangeStreamStep {
    const more = !this.#request.countOnly && this.#count > this.#sent;
    return { kind: "last", keyValues, count: this.#count, more, revision: this.#headerRevision };
  }

  /** RS-03: small messages grow, large ones shrink. */
  #resize(bytes: number): void {
    if (bytes < this.#chunkBytes / 2) this.#chunkKeys *= 2;
    else if (bytes > this.#chunkBytes) this.#chunkKeys = Math.ceil(this.#chunkKeys / 2);
    this.#chunkKeys = Math.min(this.#chunkKeys, CHUNK_KEYS_MAX);
  }
}
