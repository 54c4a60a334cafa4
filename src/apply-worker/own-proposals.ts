import { assert } from "../shared/assert.js";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  LeaseCheckpointRequest,
  LeaseRevokeRequest,
} from "../shared/gen/etcdserverpb/rpc.js";
import { sendOwnProposal } from "../shared/messages/apply-to-raft.js";
import { EntryKind, NO_FRONTEND } from "../shared/messages/entry.js";
import type { RingWriter } from "../shared/ring/writer.js";
import type { LeaseProposals } from "./core/lessor.js";

/** Time after which a NOSPACE alarm that was proposed in vain is proposed again. */
const ALARM_RETRY_MS = 1000;

/** Proposes entries of this member's own making: nobody waits for their answers. */
export class OwnProposals {
  readonly #writer: RingWriter;
  readonly #memberId: bigint;
  readonly #origin: bigint;
  #requestId = 0;
  #appliedId = 0;
  #alarmProposedMs = Number.NEGATIVE_INFINITY;
  #leaderTerm: number | undefined;

  constructor(options: {
    readonly writer: RingWriter;
    readonly memberId: bigint;
    readonly origin: bigint;
  }) {
    this.#writer = options.writer;
    this.#memberId = options.memberId;
    this.#origin = options.origin;
  }

  /** Every proposal has come back through the log. */
  get isAllApplied(): boolean {
    return this.#appliedId === this.#requestId;
  }

  /** The term that this member leads in; undefined while it does not lead. */
  get leaderTerm(): number | undefined {
    return this.#leaderTerm;
  }

  /** This member leads now: what the lessor proposes is of this term. */
  promote(term: number): void {
    this.#leaderTerm = term;
  }

  /** This member leads no more. */
  demote(): void {
    this.#leaderTerm = undefined;
  }

  /** A proposal has come back through the log. */
  applied(requestId: number): void {
    this.#appliedId = Math.max(this.#appliedId, requestId);
  }

  /** Revokes of expired leases, and records of remaining times. Whether there were any. */
  proposeLeases({ revokes, checkpoints }: LeaseProposals): boolean {
    if (revokes.length === 0 && checkpoints.length === 0) return false;
    const term = this.#leaderTerm;
    assert(term !== undefined, "only a leader's lessor proposes");
    for (const ID of revokes) {
      this.#send(EntryKind.leaseRevoke, LeaseRevokeRequest.encode({ ID }).finish(), term);
    }
    for (const entry of checkpoints) {
      const request = {
        checkpoints: entry.map(({ id, remainingSeconds }) => ({
          ID: id,
          remainingTTL: BigInt(remainingSeconds),
        })),
      };
      this.#send(EntryKind.leaseCheckpoint, LeaseCheckpointRequest.encode(request).finish(), term);
    }
    return true;
  }

  /** Raises this member's NOSPACE alarm, once while the proposal is on its way (MT-20). */
  proposeNoSpace(nowMs: number): void {
    if (nowMs - this.#alarmProposedMs < ALARM_RETRY_MS) return;
    this.#alarmProposedMs = nowMs;
    const request = {
      action: AlarmRequest_AlarmAction.ACTIVATE,
      memberID: this.#memberId,
      alarm: AlarmType.NOSPACE,
    };
    this.#send(EntryKind.alarm, AlarmRequest.encode(request).finish());
  }

  #send(kind: EntryKind, payload: Uint8Array, leaderTerm?: number): void {
    // The Raft worker ends before this one: what would still be proposed is made up for at the next start.
    if (this.#writer.readerGone) return;
    this.#requestId += 1;
    const header = {
      kind,
      frontend: NO_FRONTEND,
      origin: this.#origin,
      requestId: this.#requestId,
    };
    sendOwnProposal(this.#writer, header, payload, leaderTerm);
  }
}
