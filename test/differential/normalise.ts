import type {
  HashKVResponse,
  LeaseLeasesResponse,
  LeaseTimeToLiveResponse,
  RangeRequest,
  RangeResponse,
  ResponseHeader,
  ResponseOp,
  TxnRequest,
  TxnResponse,
  WatchResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import type { KeyValue } from "../../src/shared/gen/mvccpb/kv.js";
import type { Operation } from "./operation.js";
import type { CallOutcome, WatchTranscript } from "./session.js";

/**
 * Brings an outcome into the form that two servers must agree on: ids and terms go, and so does what the
 * contract leaves open (order of ties R-23, order of attached keys L-33, remaining seconds) or where 3.5
 * and 3.7 differ on purpose.
 */
export function normaliseOutcome(operation: Operation, outcome: CallOutcome): unknown {
  if (!outcome.ok) return normaliseFailure(operation, outcome);
  switch (operation.kind) {
    case "range":
      return {
        ok: true,
        response: normaliseRange(operation.request, outcome.response as RangeResponse),
      };
    case "txn":
      return {
        ok: true,
        response: normaliseTxn(operation.request, outcome.response as TxnResponse),
      };
    case "leaseTimeToLive": {
      const response = outcome.response as LeaseTimeToLiveResponse;
      const keys = response.keys.map(text).sort();
      // Whole seconds that went by between the two servers' answers are nobody's fault.
      const TTL = response.TTL > 0n ? "running" : response.TTL;
      return plain({ ...response, TTL, keys });
    }
    case "leaseLeases": {
      const response = outcome.response as LeaseLeasesResponse;
      return plain({ ...response, leases: response.leases.map(({ ID }) => String(ID)).sort() });
    }
    case "watch": {
      // What follows is compared by transcript; here only whether it was created.
      const { created, canceled, watchId, cancelReason } = outcome.response as WatchResponse;
      return plain({ created, canceled, watchId, cancelReason });
    }
    case "hashKv": {
      // 3.6 added the field.
      const { hashRevision: _, ...response } = outcome.response as HashKVResponse;
      return plain(response);
    }
    default:
      return plain(outcome.response);
  }
}

/** What the check of the taken path may find (T-15). */
const PATH_FAULTS: readonly string[] = [
  "etcdserver: key not found",
  "etcdserver: requested lease not found",
  "etcdserver: mvcc: required revision is a future revision",
  "etcdserver: mvcc: required revision has been compacted",
];

/**
 * When more than one op of the taken path is at fault, the releases name different ones: 3.5 looks at all
 * puts before it looks at ranges, and at a put's key before its lease (T-27); 3.6 and later go op by op.
 */
function normaliseFailure(operation: Operation, failure: CallOutcome & { ok: false }): unknown {
  if (operation.kind !== "txn" || !PATH_FAULTS.includes(failure.message)) return failure;
  return { ok: false, message: "an op of the taken path was refused" };
}

function normaliseRange(request: RangeRequest, response: RangeResponse): unknown {
  const kvs = response.kvs.map((kv) => (request.keysOnly ? { ...kv, lease: 0n } : kv));
  if (request.sortTarget === 0) return plain({ ...response, kvs });
  const sortKey = (kv: KeyValue): bigint =>
    request.sortTarget === 2 ? kv.createRevision : kv.modRevision;
  const order = kvs.map((kv) => String(sortKey(kv)));
  // With a limit, which of several equals made the cut is open; without one the whole set must agree.
  const set = request.limit > 0n ? [] : kvs.map((kv) => JSON.stringify(plain(kv))).sort();
  return plain({ ...response, kvs: undefined, order, set });
}

function normaliseTxn(request: TxnRequest, response: TxnResponse): unknown {
  const ops = response.succeeded ? request.success : request.failure;
  const responses = response.responses.map((each: ResponseOp, index) => {
    const op = ops[index]?.request;
    const answer = each.response;
    if (op?.$case === "requestRange" && answer?.$case === "responseRange") {
      return normaliseRange(op.value, answer.value);
    }
    if (op?.$case === "requestTxn" && answer?.$case === "responseTxn") {
      return normaliseTxn(op.value, answer.value);
    }
    return plain(answer);
  });
  return plain({ header: response.header, succeeded: response.succeeded, responses });
}

/**
 * A watcher's transcript without its grouping, which depends on timing (W-40, W-41): the events in order,
 * each with its prev_kv, and how it ended.
 */
export function normaliseTranscript(transcript: WatchTranscript): unknown {
  const { slot, responses } = transcript;
  const ending = responses
    .filter((response) => response.canceled && !response.created)
    .map(({ compactRevision, cancelReason }) => ({ compactRevision, cancelReason }));
  return plain({ slot, events: responses.flatMap((response) => response.events), ending });
}

/** The promises of grouping that hold whatever the timing; gives the first one broken. */
export function brokenGrouping(transcript: WatchTranscript): string | undefined {
  let last = 0n;
  let fragment = false;
  for (const response of transcript.responses) {
    const first = response.events[0]?.kv?.modRevision;
    if (first !== undefined && first <= last && !fragment) {
      return `W-42: revision ${first} was split over two responses, or came twice`;
    }
    for (const { kv } of response.events) {
      const revision = kv?.modRevision ?? 0n;
      if (revision < last) return `G-07: revision ${revision} came after ${last}`;
      last = revision;
    }
    fragment = response.fragment;
    const header = response.header?.revision ?? 0n;
    if (response.events.length > 0 && header < last)
      return `header ${header} is behind event ${last}`;
  }
  return undefined;
}

/** Plain comparable data: bytes as text, bigints as decimals, header ids and terms left out. */
export function plain(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return text(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  if (isHeader(value)) return { revision: String(value.revision) };
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => [name, plain(member)]),
  );
}

function isHeader(value: object): value is ResponseHeader {
  return "clusterId" in value && "raftTerm" in value && "revision" in value;
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("latin1");
}
