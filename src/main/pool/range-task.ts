/** A thread of the pool: answers one range from LMDB and the delta, at the state it is given. */
import { move, transferableSymbol, valueSymbol } from "piscina";
import { ErrorCode } from "../../shared/errors.js";
import { RangeRequest } from "../../shared/gen/etcdserverpb/rpc.js";
import type { DeltaPosition, Published } from "../../shared/messages/apply-to-main.js";
import { LmdbBaseReader } from "../../shared/mvcc/base/lmdb-base-reader.js";
import { DeltaReader } from "../../shared/mvcc/delta-reader.js";
import { encodeRangeBody, range } from "../../shared/mvcc/range.js";
import { keyBounds } from "../../shared/mvcc/range-bounds.js";
import { ReadView } from "../../shared/mvcc/read-view.js";

/** What a task needs: plain data and shared memory. */
export interface RangeTask {
  readonly storeDirectory: string;
  readonly segments: readonly { readonly number: number; readonly buffer: SharedArrayBuffer }[];
  /** Everything before it is in any base opened from now on. */
  readonly from: DeltaPosition;
  readonly state: Published;
  /** An encoded RangeRequest. */
  readonly request: Uint8Array;
}

/** A body without header, or the code of a refusal. */
export type RangeTaskResult =
  | { readonly code: 0; readonly revision: number; readonly body: Uint8Array }
  | { readonly code: ErrorCode };

let opened: { readonly directory: string; readonly base: LmdbBaseReader } | undefined;

/** Runs in a pool thread; named by piscina. Gives a RangeTaskResult; a body in it is moved, not copied. */
export function answerRange(task: RangeTask): unknown {
  const base = openBase(task.storeDirectory);
  base.refresh();
  let result: RangeTaskResult;
  try {
    result = runRange(task, base);
  } finally {
    // A thread may wait long for its next task.
    base.rest();
  }
  if (result.code !== 0) return result;
  // Piscina moves what a task gives as a whole, never a part of it that was marked.
  return move({ [transferableSymbol]: result.body.buffer, [valueSymbol]: result });
}

function runRange(task: RangeTask, base: LmdbBaseReader): RangeTaskResult {
  const request = RangeRequest.decode(task.request);
  const delta = new DeltaReader();
  for (const { number, buffer } of task.segments) delta.addSegment(number, buffer);
  const view = new ReadView({
    base,
    delta,
    // The base may be ahead of the state: changes beyond it are passed over.
    revision: Math.min(base.revision, task.state.revision),
    compactRevision: task.state.compactRevision,
    appliedIndex: task.state.appliedIndex,
    position: task.from,
    within: keyBounds(request.key, request.rangeEnd),
  });
  view.publish(task.state);
  const outcome = range(view, request);
  if (!outcome.ok) return { code: outcome.code };
  // A compaction beyond the state may have taken what this task was to read: the answer cannot be trusted.
  const readRevision = request.revision > 0n ? Number(request.revision) : task.state.revision;
  if (base.state.compactRevision > readRevision) return { code: ErrorCode.compacted };
  const body = ownBuffer(encodeRangeBody(outcome.value));
  return { code: 0, revision: outcome.value.revision, body };
}

function openBase(directory: string): LmdbBaseReader {
  if (opened?.directory !== directory) {
    opened = { directory, base: LmdbBaseReader.open(directory) };
  }
  return opened.base;
}

/** Small buffers share Node's slab, which must not be moved to another thread. */
function ownBuffer(bytes: Buffer): Uint8Array {
  const alone = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return alone ? bytes : Uint8Array.from(bytes);
}
