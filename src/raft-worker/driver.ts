import { assert, unreachable } from "../shared/assert.js";
import { ErrorCode } from "../shared/errors.js";
import { type Member, MemberListResponse } from "../shared/gen/etcdserverpb/rpc.js";
import {
  DISK_STALL_ELECTIONS_MAX,
  RAFT_APPLY_LAG_ENTRIES_MAX,
  RAFT_HELD_MESSAGES_MAX,
  RAFT_UNAPPLIED_BYTES_MAX,
} from "../shared/limits.js";
import { ApplyToRaft, readFlushedIndex } from "../shared/messages/apply-to-raft.js";
import { ENTRY_HEADER_BYTES, EntryKind, NO_FRONTEND } from "../shared/messages/entry.js";
import { MainToRaft, readReadIndex } from "../shared/messages/main-to-raft.js";
import type { Membership } from "../shared/messages/membership.js";
import { readAnswer, readAsk } from "../shared/messages/peer-ask.js";
import type { MessageHandler, RingReader } from "../shared/ring/reader.js";
import type { RingWriter } from "../shared/ring/writer.js";
import { BoardSlot, type StatusBoard } from "../shared/status-board.js";
import { ApplyLink } from "./apply-link.js";
import { ClusterLink, type ClusterPort, type ReceivedSnapshot } from "./cluster-link.js";
import type { Effect, RoleChangedEffect, SendEffect } from "./core/effects.js";
import type { Entry, MemberId } from "./core/entry.js";
import type { Message } from "./core/messages.js";
import type { Raft } from "./core/raft.js";
import type { RaftStatus } from "./core/status.js";
import { DiskWatch } from "./disk-watch.js";
import { FrontendLinks, type FrontendPorts } from "./frontend-link.js";
import type { HashReport } from "./hash-check.js";
import { HeldProposals } from "./held-proposals.js";
import type { LogStore } from "./log-store.js";
import { PayloadArena } from "./payload-arena.js";
import { type PeerAnswer, type PeerQuestion, type QuestionOutbox, Questions } from "./questions.js";
import { WriteQueue } from "./write-queue.js";

/** Where the apply worker puts the term in a proposal of its lessor (apply-to-raft.ts). */
const LEADER_TERM_AT = 4;
/** How soon to look again when only another thread's progress on the board can end a wait. */
const LAG_POLL_MS = 2;

/** Carries messages to the other members. May lose them; keeps the order of what it does not lose. */
export interface PeerOutbox extends QuestionOutbox, ClusterPort {
  send(to: MemberId, message: Message): void;
}

/** Everything that a driver talks to. */
export interface RaftDriverPorts {
  readonly store: LogStore;
  /** By frontend id. */
  readonly frontends: readonly FrontendPorts[];
  readonly apply: { readonly input: RingReader; readonly output: RingWriter };
  readonly peers: PeerOutbox;
  readonly board: StatusBoard;
  /** Called when a write has finished, from the store's callback: a turn is due. */
  readonly wake: () => void;
  /** A member's store differs from the majority's (`NOBODY_IS_RIGHT`: there is none). */
  readonly onDiffering: (id: MemberId, index: number) => void;
  /** This member was removed from the cluster. */
  readonly onRemoved: () => void;
}

/** Who the member is and how it keeps time. */
export interface RaftDriverOptions {
  readonly memberId: MemberId;
  /** Drawn when the process started: tells its proposals from those of its earlier lives. */
  readonly origin: bigint;
  readonly electionTicks: number;
  /** After so many a proposal has timed out for whoever made it. */
  readonly requestTicks: number;
  /** What the store held at the start. */
  readonly membership: Membership;
  /** Members that are not in the store yet: whom a new member was told of. */
  readonly expected: readonly Member[];
}

/**
 * Turns the Raft core: takes in what has arrived, steps, and carries the effects out. Synchronous;
 * whoever owns it decides when a turn happens, so a simulator can. The order of one turn:
 *
 * finished writes -> the apply worker's messages -> proposals and reads (while there is room) ->
 * one write of everything that has gathered -> committed entries to the apply worker -> wake-ups.
 */
export class RaftDriver {
  readonly #raft: Raft;
  readonly #ports: RaftDriverPorts;
  readonly #frontends: FrontendLinks;
  readonly #apply: ApplyLink;
  readonly #writes: WriteQueue;
  readonly #cluster: ClusterLink;
  readonly #questions: Questions;
  readonly #disk: DiskWatch;
  readonly #electionTicks: number;
  readonly #requestTicks: number;
  readonly #arena = new PayloadArena();
  readonly #inputs: readonly (FrontendPorts & { readonly handler: MessageHandler })[];
  readonly #appliedAtStart: number;
  readonly #proposals = new HeldProposals();
  #takenSequence = 0;
  #heldMessages: SendEffect[] = [];
  #leaderId: MemberId | undefined;
  #isLeader = false;
  #term = 0;
  /** Since the start. */
  #ticks = 0;
  #isClosing = false;

  /** The core must not have been started; its store holds everything up to its applied index. */
  constructor(raft: Raft, ports: RaftDriverPorts, options: RaftDriverOptions) {
    const { memberId, origin, electionTicks, requestTicks, membership, expected } = options;
    this.#raft = raft;
    this.#electionTicks = electionTicks;
    this.#requestTicks = requestTicks;
    this.#disk = new DiskWatch(electionTicks * DISK_STALL_ELECTIONS_MAX);
    this.#ports = ports;
    this.#frontends = new FrontendLinks(ports.frontends, origin);
    this.#appliedAtStart = raft.status().appliedIndex;
    this.#apply = new ApplyLink(ports.apply.output, this.#appliedAtStart);
    this.#writes = new WriteQueue(ports.store, ports.wake);
    const outputs = ports.frontends.map(({ output }) => output);
    this.#questions = new Questions(memberId, outputs, ports.peers);
    this.#cluster = new ClusterLink(
      {
        self: memberId,
        peers: ports.peers,
        toApply: ports.apply.output,
        step: (event) => this.#perform(this.#raft.step(event)),
        propose: (payload) => this.#proposals.add(payload, this.#ticks),
        handedOver: () => this.#apply.handedOver,
        role: () => ({ isLeader: this.#isLeader, leaderId: this.#leaderId }),
        onInstalled: (index) => this.#apply.restarted(index),
        persistedIndex: () => this.#raft.status().persistedIndex,
        isCorrupt: () => this.#isCorrupt,
        onDiffering: ports.onDiffering,
        onRemoved: ports.onRemoved,
      },
      membership,
      expected,
    );
    this.#inputs = ports.frontends.map((port, id) => ({
      ...port,
      handler: this.#frontendHandler(id, port.output),
    }));
  }

  /** Begins the member's life. Once, before anything else. */
  start(): void {
    this.#ports.board.set(BoardSlot.term, this.#raft.status().term);
    this.#cluster.introduce();
    this.#perform(this.#raft.step({ kind: "start" }));
    this.turn();
  }

  /** Ticks of the Raft clock, after everything that has arrived was taken in. */
  tick(count: number): void {
    this.turn();
    for (let tick = 0; tick < count; tick += 1) this.#tick();
    // A leader whose disk does not answer serves nobody: another one shall lead.
    if (this.#disk.tick(count, this.#writes) && this.#isLeader) this.transferLeader(undefined);
    for (const payload of this.#proposals.takeExpired(this.#ticks - this.#requestTicks)) {
      this.#frontends.refuseProposal(payload, ErrorCode.timeout);
    }
    this.turn();
  }

  /** A message of another member. */
  receive(from: MemberId, message: Message): void {
    const isEntries = message.kind === "appendRequest" && message.entries.length > 0;
    // A store that does not follow would let the log grow in memory: the leader is to send these again.
    const isTooMuch = isEntries && this.#raft.unappliedBytes > RAFT_UNAPPLIED_BYTES_MAX;
    const taken = isTooMuch ? { ...message, entries: [] } : message;
    this.#perform(this.#raft.step({ kind: "message", from, message: taken }));
  }

  /** The stream to another member broke. */
  contactLost(id: MemberId): void {
    this.#perform(this.#raft.step({ kind: "unreachable", id }));
    this.turn();
  }

  /** A question of another member. */
  asked(from: MemberId, question: PeerQuestion): void {
    this.#questions.asked(from, question);
  }

  /** An answer to a question of ours. */
  answered(answer: PeerAnswer): void {
    this.#questions.answered(answer);
  }

  /** What another member's store holds. */
  hashReported(from: MemberId, report: HashReport): void {
    this.#cluster.hashReported(from, report);
  }

  /** Another member sent its store: it is in a file, checked, on disk. */
  snapshotReceived(snapshot: ReceivedSnapshot): void {
    this.#cluster.snapshotReceived(snapshot);
  }

  /** The members as this one has applied them: MemberListResponse without header. */
  members(): Uint8Array {
    const members = [...this.#cluster.membership.members];
    return MemberListResponse.encode({ header: undefined, members }).finish();
  }

  /** Hands leadership over, if this member has it; undefined: to whoever is fittest. */
  transferLeader(to: MemberId | undefined): void {
    this.#perform(this.#raft.step({ kind: "transferLeader", to }));
  }

  /** One turn; whether there was anything to do. */
  turn(): boolean {
    const finished = this.#takeFinishedWrites();
    let taken = this.#ports.apply.input.drain(this.#onApplyMessage);
    for (const { input, output, handler } of this.#inputs) {
      // A frontend that does not read its answers is not listened to; the others are.
      if (this.#takesInput && !output.blocked) taken += input.drain(handler);
    }
    this.#propose();
    this.#writes.start();
    const handedOver = this.#handOver();
    this.#publish();
    return finished || taken > 0 || handedOver > 0;
  }

  /** Longest that the owner may sleep without being woken. */
  get sleepMsMax(): number {
    return this.#isLagging ? LAG_POLL_MS : Number.POSITIVE_INFINITY;
  }

  /** Whether the store has nothing left to write. */
  get isIdle(): boolean {
    return this.#writes.isIdle;
  }

  /** From now on nothing is taken in from the frontends. What is under way goes on in further turns. */
  close(): void {
    this.#isClosing = true;
  }

  /** The core's state, and how far entries were handed over. */
  status(): RaftStatus & { readonly handedOverIndex: number } {
    return { ...this.#raft.status(), handedOverIndex: this.#apply.handedOver };
  }

  get #takesInput(): boolean {
    if (this.#isClosing || this.#apply.isBlocked || this.#isLagging) return false;
    return this.#raft.unappliedBytes + this.#proposals.bytes < RAFT_UNAPPLIED_BYTES_MAX;
  }

  get #isLagging(): boolean {
    const applied = Math.max(this.#appliedAtStart, this.#ports.board.get(BoardSlot.appliedIndex));
    return this.#apply.handedOver - applied > RAFT_APPLY_LAG_ENTRIES_MAX;
  }

  #takeFinishedWrites(): boolean {
    const sequence = this.#writes.finishedSequence;
    if (sequence === this.#takenSequence) return false;
    this.#takenSequence = sequence;
    const released = this.#heldMessages.findIndex(({ after }) => after > sequence);
    const count = released < 0 ? this.#heldMessages.length : released;
    for (const { to, message } of this.#heldMessages.splice(0, count)) {
      this.#ports.peers.send(to, message);
    }
    this.#perform(this.#raft.step({ kind: "persisted", sequence }));
    this.#cluster.persisted();
    return true;
  }

  #propose(): void {
    if (this.#proposals.bytes === 0) return;
    if (this.#raft.hasLeader) {
      const held = this.#proposals.takeAll();
      const payloads = held.filter((payload) => this.#mayPropose(payload));
      if (payloads.length > 0) this.#perform(this.#raft.step({ kind: "propose", payloads }));
      return;
    }
    for (;;) {
      const excess = this.#proposals.takeExcess();
      if (excess === undefined) return;
      this.#frontends.refuseProposal(excess, ErrorCode.tooManyRequests);
    }
  }

  /**
   * What a lessor wants, its leader may propose in the term that it leads in, and nobody else: the lessor of a
   * deposed leader knows nothing of the renewals that its successor has promised.
   */
  #mayPropose(payload: Uint8Array): boolean {
    if (!isLessorsOwn(payload)) return true;
    const isOfThisTerm = takeLeaderTerm(payload) === this.#term % 2 ** 32;
    return this.#isLeader && isOfThisTerm;
  }

  /** A member that differs from the others does not try to lead them, and does not keep the lead. */
  #tick(): void {
    this.#ticks += 1;
    if (this.#isLeader || !this.#isCorrupt) this.#perform(this.#raft.step({ kind: "tick" }));
    const isDue = this.#ticks % this.#electionTicks === 0;
    if (isDue && this.#isLeader && this.#isCorrupt) this.transferLeader(undefined);
  }

  get #isCorrupt(): boolean {
    return this.#ports.board.get(BoardSlot.corruptHere) !== 0;
  }

  #perform(effects: readonly Effect[]): void {
    for (const effect of effects) {
      switch (effect.kind) {
        case "persist":
          this.#writes.add(effect);
          break;
        case "roleChanged":
          this.#roleChanged(effect);
          break;
        case "commit":
          this.#apply.commit(effect.upTo);
          break;
        case "send":
          this.#send(effect);
          break;
        case "readReady":
          this.#frontends.confirmRead(effect.id, effect.index);
          break;
        case "readRefused":
          this.#frontends.failRead(effect.id, ErrorCode.tooManyRequests);
          break;
        case "sendSnapshot":
          this.#cluster.sendSnapshot(effect.to);
          break;
        case "proposalsRefused":
          this.#takeBack(effect.payloads);
          break;
        default:
          unreachable(effect, "effect");
      }
    }
  }

  /** They wait for a leader that takes them; those of an earlier life of this member have nobody who asks. */
  #takeBack(payloads: readonly Uint8Array[]): void {
    for (const payload of payloads) {
      if (this.#frontends.isOfThisLife(payload)) this.#proposals.add(payload, this.#ticks);
    }
  }

  #send(effect: SendEffect): void {
    if (effect.after <= this.#writes.finishedSequence) {
      this.#ports.peers.send(effect.to, effect.message);
    } else if (this.#heldMessages.length < RAFT_HELD_MESSAGES_MAX) {
      this.#heldMessages.push(effect);
    }
  }

  #roleChanged(change: RoleChangedEffect): void {
    const { board } = this.#ports;
    const { term, leaderId } = change;
    board.set(BoardSlot.term, term);
    board.setId(BoardSlot.leaderId, leaderId ?? 0n);
    if (leaderId !== undefined && leaderId !== this.#leaderId)
      board.add(BoardSlot.leaderChanges, 1);
    this.#leaderId = leaderId;
    this.#isLeader = change.role === "leader";
    this.#term = term;
    this.#cluster.leaderChanged();
    this.#frontends.roleChanged();
    this.#apply.roleChanged({ isLeader: change.role === "leader", term });
  }

  #handOver(): number {
    const count = this.#apply.advance(this.#entryAt);
    if (count > 0) {
      this.#perform(this.#raft.step({ kind: "applied", index: this.#apply.handedOver }));
    }
    return count;
  }

  #publish(): void {
    const { board } = this.#ports;
    board.set(BoardSlot.commitIndex, this.#raft.commitIndex);
    board.set(BoardSlot.lastIndex, this.#raft.lastIndex);
    this.#apply.flush();
    this.#frontends.flush();
  }

  /** The WAL keeps what the log in memory keeps: after a restart, too, it can help a member that lags. */
  #truncate(heldBefore: number): void {
    const wantedFrom = Math.min(this.#raft.firstIndex, heldBefore);
    this.#ports.store.truncate({ wantedFrom, heldBefore });
  }

  readonly #entryAt = (index: number): Entry => this.#raft.entryAt(index);

  readonly #onApplyMessage: MessageHandler = (type, bytes, view, offset, length) => {
    if (type === ApplyToRaft.propose) {
      this.#proposals.add(this.#arena.copy(bytes, offset, length), this.#ticks);
    } else if (type === ApplyToRaft.flushed) {
      const index = readFlushedIndex(view, offset);
      this.#cluster.flushed(index);
      this.#truncate(index + 1);
    } else {
      const known = this.#cluster.onApply(type, bytes, { view, offset, length });
      assert(known, "unknown message of the apply worker", { type });
    }
  };

  #frontendHandler(frontend: number, output: RingWriter): MessageHandler {
    return (type, bytes, view, offset, length) => {
      if (type === MainToRaft.propose) {
        assert(length >= ENTRY_HEADER_BYTES, "proposal is shorter than its header", { length });
        this.#proposals.add(this.#arena.copy(bytes, offset, length), this.#ticks);
      } else if (type === MainToRaft.ask) {
        const ask = readAsk(bytes, view, offset, length);
        this.#questions.ask(frontend, ask, this.#leaderId);
      } else if (type === MainToRaft.answer) {
        this.#questions.answer(readAnswer(bytes, view, offset, length));
      } else {
        assert(type === MainToRaft.readIndex, "unknown message of a frontend", { type });
        const id = this.#frontends.readToken(frontend, readReadIndex(view, offset));
        this.#perform(this.#raft.step({ kind: "readIndex", id }));
      }
      return this.#takesInput && !output.blocked;
    };
  }
}

/** Whether the lessor of a member made this proposal, and no client. */
function isLessorsOwn(payload: Uint8Array): boolean {
  const kind = payload[0];
  if (kind !== EntryKind.leaseRevoke && kind !== EntryKind.leaseCheckpoint) return false;
  return viewOf(payload).getUint16(2, true) === NO_FRONTEND;
}

/** The term that a lessor's proposal is of, taken out of its header: it is not for the log. */
function takeLeaderTerm(payload: Uint8Array): number {
  const view = viewOf(payload);
  const term = view.getUint32(LEADER_TERM_AT, true);
  view.setUint32(LEADER_TERM_AT, 0, true);
  return term;
}

function viewOf(payload: Uint8Array): DataView {
  return new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
}
