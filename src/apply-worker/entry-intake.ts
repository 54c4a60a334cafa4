import { MemberListResponse } from "../shared/gen/etcdserverpb/rpc.js";
import { STATE_HASH_EVERY } from "../shared/limits.js";
import {
  ENTRY_HEADER_BYTES,
  type EntryHeader,
  EntryKind,
  NO_FRONTEND,
  readEntryHeader,
} from "../shared/messages/entry.js";
import {
  COMMITTED_ENTRY_HEADER_BYTES,
  readEntryIndex,
  readEntryTerm,
} from "../shared/messages/raft-to-apply.js";
import type { StatusBoard } from "../shared/status-board.js";
import { type Totals, writeAppliedSlots } from "./board-slots.js";
import type { ApplyResult } from "./core/machine-context.js";
import type { StateMachine } from "./core/state-machine.js";
import type { Answer, FrontendPorts } from "./frontend-port.js";
import type { Hasher } from "./hasher.js";
import type { OwnProposals } from "./own-proposals.js";
import type { RaftPort } from "./raft-port.js";
import type { StoreKeeper } from "./store-keeper.js";
import type { WaitingAnswers } from "./waiting-answers.js";

/** Answer bytes after which a batch ends early: what the backlog of a full ring may hold. */
const BATCH_ANSWER_BYTES_MAX = 4 * 1024 * 1024;
/** An entry that takes longer is counted as slow (limits.md section 4). */
const SLOW_APPLY_MS = 100;

/** What an intake hands the entries and their results to. */
export interface EntryIntakeOptions {
  readonly machine: StateMachine;
  readonly ports: FrontendPorts;
  readonly raft: RaftPort;
  readonly keeper: StoreKeeper;
  readonly hasher: Hasher;
  readonly waiting: WaitingAnswers;
  readonly proposals: OwnProposals;
  readonly totals: Totals;
  readonly board: StatusBoard;
  readonly memberId: bigint;
  /** Drawn when the process started: entries of another origin answer nobody here. */
  readonly origin: bigint;
  /** Monotonic milliseconds. */
  readonly clock: () => number;
  /** Hears of an entry that took longer than the warning threshold (limits.md section 4). */
  readonly onSlowApply: (tookMs: number, index: number) => void;
}

/** Applies committed entries in batches: answers are gathered, and sent once their state is published. */
export class EntryIntake {
  readonly #options: EntryIntakeOptions;
  readonly #header: EntryHeader = { kind: 0, frontend: 0, origin: 0n, requestId: 0 };
  #answers: Answer[] = [];
  #answerBytes = 0;
  #nowMs = 0;

  constructor(options: EntryIntakeOptions) {
    this.#options = options;
  }

  /** The answers of this batch are as many as may wait: publish before the next entry. */
  get isFull(): boolean {
    return this.#answerBytes >= BATCH_ANSWER_BYTES_MAX;
  }

  /** When the last entry was applied, or the batch began. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Begins a batch at a time of the clock. */
  begin(nowMs: number): void {
    this.#nowMs = nowMs;
  }

  /** Applies one entry, as it lies in the ring (raft-to-apply.ts). */
  apply(bytes: Buffer, view: DataView, offset: number, length: number): void {
    const { machine, clock, onSlowApply, hasher, raft, proposals, totals, origin } = this.#options;
    const header = this.#readHeader(view, offset, length);
    const start = Math.min(length, COMMITTED_ENTRY_HEADER_BYTES + ENTRY_HEADER_BYTES);
    const entry = {
      index: readEntryIndex(view, offset),
      term: readEntryTerm(view, offset),
      kind: header.kind,
      payload: bytes.subarray(offset + start, offset + length),
    };
    const previous = machine.space.view.compactRevision;
    const result = machine.apply(entry, this.#nowMs);
    const revision = machine.space.view.compactRevision;
    if (revision > previous) hasher.compacted({ revision, previous }, entry.index);
    // Names, too: other members are told who has run before (src/main/bootstrap).
    if (entry.kind === EntryKind.confChange || entry.kind === EntryKind.memberAttributes) {
      raft.membership(machine);
    }
    if (result !== undefined && entry.index % STATE_HASH_EVERY === 0) raft.stateHash(machine);
    const tookMs = clock() - this.#nowMs;
    this.#nowMs += tookMs;
    if (tookMs > SLOW_APPLY_MS) {
      totals.slowApplies += 1;
      onSlowApply(tookMs, entry.index);
    }
    if (result === undefined) return;
    if (result.foundNoSpace) proposals.proposeNoSpace(this.#nowMs);
    if (header.origin !== origin) return;
    if (header.frontend === NO_FRONTEND) this.#onOwnApplied(header, result);
    else this.#onResult(header, result);
  }

  /**
   * Ends the batch. The state first, the answers of its entries after it: who has an answer can read what it
   * says.
   */
  publish(): void {
    const { machine, ports } = this.#options;
    const { revision, compactRevision, end } = machine.space.view;
    this.writeAppliedSlots();
    ports.publish({ appliedIndex: machine.appliedIndex, revision, compactRevision, end });
    if (machine.takeMembersChanged()) this.sendMembers();
    for (const answer of this.#answers) ports.answer(answer);
    this.#answers = [];
    this.#answerBytes = 0;
  }

  /** Tells every frontend who belongs to the cluster. */
  sendMembers(): void {
    const { ports, machine } = this.#options;
    const response = { header: undefined, members: machine.members.all() };
    ports.members(MemberListResponse.encode(response).finish());
  }

  /** Before the answers are sent: who has one finds the board at least as new. */
  writeAppliedSlots(): void {
    const { board, machine, memberId, totals } = this.#options;
    writeAppliedSlots(board, machine, { memberId, totals });
  }

  /** An entry without payload is the empty one of a new leader; nobody's, as is one too short. */
  #readHeader(view: DataView, offset: number, length: number): EntryHeader {
    const header = this.#header;
    if (length >= COMMITTED_ENTRY_HEADER_BYTES + ENTRY_HEADER_BYTES) {
      return readEntryHeader(view, offset + COMMITTED_ENTRY_HEADER_BYTES, header);
    }
    header.kind = EntryKind.none;
    header.frontend = NO_FRONTEND;
    header.origin = 0n;
    header.requestId = 0;
    return header;
  }

  #onOwnApplied({ kind, requestId }: EntryHeader, { code }: ApplyResult): void {
    const { proposals, totals } = this.#options;
    proposals.applied(requestId);
    if (kind === EntryKind.leaseRevoke && code === 0) totals.leasesExpired += 1;
  }

  #onResult({ frontend, requestId }: EntryHeader, result: ApplyResult): void {
    const { revision, code, body, awaitsCompaction } = result;
    const answer = { frontend, requestId, revision, code, body };
    if (!awaitsCompaction) {
      this.#answers.push(answer);
      this.#answerBytes += body.length;
      return;
    }
    const { keeper, waiting, machine } = this.#options;
    keeper.wantCheckpoint();
    const { compactRevision } = machine.space.view;
    if (!waiting.add({ answer, appliedIndex: 0, compactRevision })) this.#answers.push(answer);
  }
}
