/** A thread of the pool: answers one read from LMDB and the delta, at the state it is given. */
import { move, transferableSymbol, valueSymbol } from "piscina";
import { assert } from "../../shared/assert.js";
import { decodeMessage } from "../../shared/decode-message.js";
import { ErrorCode, type Outcome, succeed } from "../../shared/errors.js";
import { RangeRequest, TxnRequest } from "../../shared/gen/etcdserverpb/rpc.js";
import type { DeltaPosition, Published } from "../../shared/messages/apply-to-main.js";
import { LmdbBaseReader } from "../../shared/mvcc/base/lmdb-base-reader.js";
import { comparesHold } from "../../shared/mvcc/compare.js";
import { DeltaReader } from "../../shared/mvcc/delta-reader.js";
import { encodeRangeBody, range } from "../../shared/mvcc/range.js";
import { keyBounds } from "../../shared/mvcc/range-bounds.js";
import { ReadView } from "../../shared/mvcc/read-view.js";
import { readOnlyTxnBody } from "./read-only-txn.js";

/** What a task needs: plain data and shared memory. */
export interface ReadTask {
  readonly storeDirectory: string;
  readonly segments: readonly { readonly number: number; readonly buffer: SharedArrayBuffer }[];
  /** Everything before it is in any base opened from now on. */
  readonly from: DeltaPosition;
  readonly state: Published;
  readonly kind: "range" | "txn";
  /** An encoded RangeRequest, or a TxnRequest of nothing but ranges. */
  readonly request: Uint8Array;
}

/** A body without header, or the code of a refusal. */
export type ReadTaskResult =
  | { readonly code: 0; readonly revision: number; readonly body: Uint8Array }
  | { readonly code: ErrorCode };

let opened: { readonly directory: string; readonly base: LmdbBaseReader } | undefined;

/** Runs in a pool thread; named by piscina. Gives a ReadTaskResult; a body in it is moved, not copied. */
export function answerRead(task: ReadTask): unknown {
  const base = openBase(task.storeDirectory);
  base.refresh();
  let result: ReadTaskResult;
  try {
    result = runRead(task, base);
  } finally {
    // A thread may wait long for its next task.
    base.rest();
  }
  if (result.code !== 0) return result;
  // Piscina moves what a task gives as a whole, never a part of it that was marked.
  return move({ [transferableSymbol]: result.body.buffer, [valueSymbol]: result });
}

function runRead(task: ReadTask, base: LmdbBaseReader): ReadTaskResult {
  const delta = new DeltaReader();
  for (const { number, buffer } of task.segments) delta.addSegment(number, buffer);
  const single = task.kind === "range" ? RangeRequest.decode(task.request) : undefined;
  const view = new ReadView({
    base,
    delta,
    // The base may be ahead of the state: changes beyond it are passed over.
    revision: Math.min(base.revision, task.state.revision),
    compactRevision: task.state.compactRevision,
    appliedIndex: task.state.appliedIndex,
    position: task.from,
    ...(single === undefined ? {} : { within: keyBounds(single.key, single.rangeEnd) }),
  });
  view.publish(task.state);
  const outcome = single === undefined ? readTxn(view, task.request) : readRange(view, single);
  if (!outcome.ok) return { code: outcome.code };
  // A compaction beyond what was read may have taken it away meanwhile: the answer cannot be trusted.
  if (base.state.compactRevision > outcome.value.oldest) return { code: ErrorCode.compacted };
  return { code: 0, revision: task.state.revision, body: ownBuffer(outcome.value.body) };
}

/** An encoded body, and the oldest revision that was read for it. */
interface Read {
  readonly body: Uint8Array;
  readonly oldest: number;
}

function readRange(view: ReadView, request: RangeRequest): Outcome<Read> {
  const answer = range(view, request);
  if (!answer.ok) return answer;
  const oldest = request.revision > 0n ? Number(request.revision) : view.revision;
  return succeed({ body: encodeRangeBody(answer.value), oldest });
}

function readTxn(view: ReadView, bytes: Uint8Array): Outcome<Read> {
  const request = decodeMessage(TxnRequest, bytes);
  const unlimited = { keysMax: Number.POSITIVE_INFINITY, bytesMax: Number.POSITIVE_INFINITY };
  const body = readOnlyTxnBody(view, request, unlimited);
  if (!body.ok) return body;
  assert(body.value !== "tooBig", "a budget without bounds was exceeded");
  // Of the path that was taken only: the other one may well name what is compacted.
  const taken = comparesHold(view, request.compare) ? request.success : request.failure;
  let oldest = view.revision;
  for (const op of taken) {
    const revision = op.request?.$case === "requestRange" ? op.request.value.revision : 0n;
    if (revision > 0n) oldest = Math.min(oldest, Number(revision));
  }
  return succeed({ body: body.value, oldest });
}

function openBase(directory: string): LmdbBaseReader {
  if (opened?.directory !== directory) {
    opened = { directory, base: LmdbBaseReader.open(directory) };
  }
  return opened.base;
}

/** Small buffers share Node's slab, which must not be moved to another thread. */
function ownBuffer(bytes: Uint8Array): Uint8Array {
  const alone = bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength;
  return alone ? bytes : Uint8Array.from(bytes);
}
