import { assert } from "../../shared/assert.js";
import { type DecodableType, decodeMessage } from "../../shared/decode-message.js";
import { ErrorCode } from "../../shared/errors.js";
import {
  AlarmRequest,
  AlarmType,
  CompactionRequest,
  DeleteRangeRequest,
  LeaseCheckpointRequest,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  Member,
  TxnRequest,
} from "../../shared/gen/etcdserverpb/rpc.js";
import type { DeltaPosition } from "../../shared/messages/apply-to-main.js";
import { decodeConfChange } from "../../shared/messages/conf-change.js";
import { EntryKind } from "../../shared/messages/entry.js";
import type { KeySpace } from "../../shared/mvcc/key-space.js";
import { decodePutRequest } from "../../shared/put-request.js";
import { txnCostBytes } from "../../shared/space-cost.js";
import { Alarms } from "./alarms.js";
import { applyAlarm, applyConfChange, applyMemberAttributes } from "./cluster-entries.js";
import { isCorruptEverywhere } from "./corruption.js";
import { applyCompact, applyDeleteRange, applyPut, applyTxn } from "./key-entries.js";
import { applyLeaseCheckpoint, applyLeaseGrant, applyLeaseRevoke } from "./lease-entries.js";
import { type LeaseKeyBase, LeaseKeys } from "./lease-keys.js";
import type { Lessor } from "./lessor.js";
import {
  type ApplyCounts,
  type ApplyResult,
  answered,
  type MachineContext,
  type Quota,
  refused,
} from "./machine-context.js";
import { Members } from "./members.js";
import { SideTables } from "./side-tables.js";
import { StateHash } from "./state-hash.js";

/** A committed entry. The payload is the client's request; it is read in place and not kept. */
export interface CommittedEntry {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  readonly payload: Uint8Array;
}

/** What a state machine starts from. */
export interface StateMachineOptions {
  readonly space: KeySpace;
  readonly lessor: Lessor;
  readonly leaseKeyBase: LeaseKeyBase;
  readonly quota: Quota;
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  /** Rolling hash of what was applied up to there. */
  readonly stateHash: bigint;
  /** Counts of a former life of the process's machine, to go on from. */
  readonly counts?: ApplyCounts;
}

const NO_COUNTS: ApplyCounts = {
  puts: 0,
  deletes: 0,
  ranges: 0,
  txns: 0,
  leasesGranted: 0,
  leasesRevoked: 0,
};

/**
 * Applies committed entries in order: the same entries give the same keys, leases, alarms and members on
 * every member. What an entry asks for may be refused, and is then answered by a code; no entry, however
 * malformed, breaks the machine, since it would break every member for ever.
 */
export class StateMachine {
  readonly #context: MachineContext;
  #appliedIndex: number;
  #appliedTerm: number;
  readonly #hash: StateHash;

  constructor(options: StateMachineOptions) {
    const { space, lessor, quota } = options;
    const leaseKeys = new LeaseKeys(options.leaseKeyBase);
    this.#context = {
      space,
      lessor,
      leaseKeys,
      quota,
      alarms: new Alarms(),
      members: new Members(),
      tables: new SideTables(),
      counts: { ...NO_COUNTS, ...options.counts },
      membersChanged: false,
      nowMs: 0,
    };
    this.#appliedIndex = options.appliedIndex;
    this.#appliedTerm = options.appliedTerm;
    this.#hash = new StateHash(options.stateHash);
  }

  /** Index of the last entry that was applied. */
  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  /** Term of that entry. */
  get appliedTerm(): number {
    return this.#appliedTerm;
  }

  /** Rolling hash of the effects of everything applied: equal on members that are equal. */
  get stateHash(): bigint {
    return this.#hash.value;
  }

  get space(): KeySpace {
    return this.#context.space;
  }

  get lessor(): Lessor {
    return this.#context.lessor;
  }

  get leaseKeys(): LeaseKeys {
    return this.#context.leaseKeys;
  }

  get alarms(): Alarms {
    return this.#context.alarms;
  }

  get members(): Members {
    return this.#context.members;
  }

  /** Changes of the small tables that wait for a checkpoint. */
  get tables(): SideTables {
    return this.#context.tables;
  }

  get counts(): Readonly<ApplyCounts> {
    return this.#context.counts;
  }

  /** Whether the members changed since the last call. */
  takeMembersChanged(): boolean {
    const changed = this.#context.membersChanged;
    this.#context.membersChanged = false;
    return changed;
  }

  /**
   * Applies an entry. Undefined: it was applied before (the log is replayed from below what the store
   * holds) and nothing was done. An index gap is a bug: entries would be lost.
   */
  apply(entry: CommittedEntry, nowMs: number): ApplyResult | undefined {
    if (entry.index <= this.#appliedIndex) return undefined;
    assert(entry.index === this.#appliedIndex + 1, "gap in the committed entries", {
      index: entry.index,
      appliedIndex: this.#appliedIndex,
    });
    this.#context.nowMs = nowMs;
    const { view } = this.#context.space;
    const before = view.end;
    const result = applyEntry(this.#context, entry);
    this.#hashEffects(entry, result, before);
    this.#appliedIndex = entry.index;
    this.#appliedTerm = entry.term;
    return result;
  }

  #hashEffects({ index, kind }: CommittedEntry, result: ApplyResult, before: DeltaPosition): void {
    const { view } = this.#context.space;
    const hash = this.#hash;
    hash.integer(index);
    hash.word(kind);
    // Whether there was room is a matter of each member's own disk.
    hash.word(result.foundNoSpace ? 0 : result.code);
    hash.integer(view.revision);
    if (view.end !== before) view.delta.forEach(before, view.end, (record) => hash.change(record));
  }
}

/** Outermost first: CORRUPT, then NOSPACE, then the operation's own checks (errors.md section 6). */
function applyEntry(context: MachineContext, { kind, payload }: CommittedEntry): ApplyResult {
  const { alarms } = context;
  if (REFUSED_WHEN_CORRUPT.has(kind) && isCorruptEverywhere(alarms, context.members)) {
    return refused(context, ErrorCode.corrupt);
  }
  const noSpace = alarms.has(AlarmType.NOSPACE);
  if (noSpace && REFUSED_WITHOUT_SPACE.has(kind)) return refused(context, ErrorCode.noSpace);
  switch (kind) {
    case EntryKind.none:
      return answered(context);
    case EntryKind.put:
      return decoded(context, decodePutRequest, payload, applyPut);
    case EntryKind.deleteRange:
      return decoded(context, decoder(DeleteRangeRequest), payload, applyDeleteRange);
    case EntryKind.txn:
      return decoded(context, decoder(TxnRequest), payload, (_context, request) => {
        // Only a txn with a put, in whichever branch, needs room (MT-23).
        if (noSpace && txnCostBytes(request) > 0) return refused(context, ErrorCode.noSpace);
        return applyTxn(context, request);
      });
    case EntryKind.compact:
      return decoded(context, decoder(CompactionRequest), payload, applyCompact);
    case EntryKind.leaseGrant:
      return decoded(context, decoder(LeaseGrantRequest), payload, applyLeaseGrant);
    case EntryKind.leaseRevoke:
      return decoded(context, decoder(LeaseRevokeRequest), payload, applyLeaseRevoke);
    case EntryKind.leaseCheckpoint:
      return decoded(context, decoder(LeaseCheckpointRequest), payload, applyLeaseCheckpoint);
    case EntryKind.alarm:
      return decoded(context, decoder(AlarmRequest), payload, applyAlarm);
    case EntryKind.memberAttributes:
      // A copy: what is decoded is kept, and the payload is not ours.
      return decoded(context, decoder(Member), Uint8Array.from(payload), applyMemberAttributes);
    case EntryKind.confChange:
      return decoded(context, decodeConfChange, payload, applyConfChange);
    default:
      return refused(context, ErrorCode.malformedRequest);
  }
}

/** MT-26. */
const REFUSED_WHEN_CORRUPT: ReadonlySet<EntryKind> = new Set<EntryKind>([
  EntryKind.put,
  EntryKind.deleteRange,
  EntryKind.txn,
  EntryKind.compact,
  EntryKind.leaseGrant,
  EntryKind.leaseRevoke,
]);

/** MT-23; of txns only some. */
const REFUSED_WITHOUT_SPACE: ReadonlySet<EntryKind> = new Set<EntryKind>([
  EntryKind.put,
  EntryKind.leaseGrant,
]);

/** Decodes a request and applies it. The codec throws on bytes that are no message. */
function decoded<Request>(
  context: MachineContext,
  decode: (payload: Uint8Array) => Request,
  payload: Uint8Array,
  apply: (context: MachineContext, request: Request) => ApplyResult,
): ApplyResult {
  let request: Request;
  try {
    request = decode(payload);
  } catch {
    return refused(context, ErrorCode.malformedRequest);
  }
  return apply(context, request);
}

function decoder<Request>(type: DecodableType<Request>): (payload: Uint8Array) => Request {
  return (payload) => decodeMessage(type, payload);
}
