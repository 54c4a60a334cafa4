import { assert, unreachable } from "../../shared/assert.js";
import type { Random } from "../../shared/prng.js";
import {
  makeCandidate,
  makePreCandidate,
  ownVotePersisted,
  stepCandidate,
  tallyVotes,
  tickCandidate,
} from "./candidate.js";
import type { Effect, RoleName } from "./effects.js";
import type { Entry, HardState, MemberId } from "./entry.js";
import type { RaftEvent } from "./events.js";
import {
  forwardProposals,
  forwardReads,
  makeFollower,
  stepFollower,
  tickFollower,
} from "./follower.js";
import {
  confirmReads,
  makeLeader,
  ownLogPersisted,
  proposeAsLeader,
  stepLeader,
  tickLeader,
} from "./leader.js";
import { type LogContents, RaftLog } from "./log.js";
import type { Message } from "./messages.js";
import { Node, type RaftSettings } from "./node.js";
import type { Voters } from "./quorum.js";
import { ReadQueue } from "./read-index.js";
import type { Role, Transition } from "./role.js";
import { answerVoteRequest, hasLiveLeader, rejectVote } from "./vote.js";

/** Who a member is, and what it remembers from its earlier lives. */
export interface RaftOptions {
  readonly id: MemberId;
  readonly voters: Voters;
  readonly settings: RaftSettings;
  /** Spreads election timeouts; must differ between members and between lives of one member. */
  readonly random: Random;
  readonly hardState: HardState;
  readonly log: LogContents;
  /** What the state machine holds already; commits up to here are not given out again. */
  readonly appliedIndex: number;
}

/** A summary for status answers and tests. */
export interface RaftStatus {
  readonly role: RoleName;
  readonly term: number;
  readonly vote: MemberId;
  readonly leaderId: MemberId | undefined;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly persistedIndex: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
}

const CONTEXT_LIMIT = 2 ** 32;

/**
 * The Raft state machine of one member: one event in, the effects that it calls for out, nothing
 * else. No I/O, no clock, no promise; the same events and the same seed give the same effects.
 * Raft paper (extended version) and thesis, with pre-vote, check-quorum and asynchronous storage.
 */
export class Raft {
  readonly #node: Node;
  #role: Role;
  /** What the last effects said, so that each change is told once. */
  #told: {
    term: number;
    vote: MemberId;
    role: RoleName;
    leaderId: MemberId | undefined;
    commit: number;
  };

  constructor(options: RaftOptions) {
    const { hardState, appliedIndex } = options;
    const commitIndex = Math.max(hardState.commit, appliedIndex);
    // Anything but the same number twice will do; 2^20 requests fit between two lives' numbers.
    const firstContext = options.random.below(CONTEXT_LIMIT) * 2 ** 20;
    this.#node = new Node({
      ...options,
      log: new RaftLog(options.log, commitIndex, appliedIndex),
      reads: new ReadQueue(options.settings.readsWaitingMax, firstContext),
      term: hardState.term,
      vote: hardState.vote,
    });
    assert(this.#node.log.lastTerm <= hardState.term, "the log is not ahead of the term", {
      lastTerm: this.#node.log.lastTerm,
      term: hardState.term,
    });
    this.#role = makeFollower(this.#node, undefined);
    this.#told = {
      term: hardState.term,
      vote: hardState.vote,
      role: "follower",
      leaderId: undefined,
      commit: appliedIndex,
    };
  }

  /** Takes one event. The effects are the caller's; they must be carried out in order. */
  step(event: RaftEvent): Effect[] {
    this.#dispatch(event);
    return this.#collectEffects();
  }

  /** The committed entry that the shell is to hand to the state machine next. */
  entryAt(index: number): Entry {
    return this.#node.log.entryAt(index);
  }

  /** Term of an entry in memory, or of the one before the first. */
  termAt(index: number): number | undefined {
    return this.#node.log.termAt(index);
  }

  /** Whether a proposal would go somewhere: this member leads, or knows who does. */
  get hasLeader(): boolean {
    return this.#leaderId() !== undefined;
  }

  /** Payload bytes in the log that the state machine was not handed yet: what back-pressure goes by. */
  get unappliedBytes(): number {
    return this.#node.log.unappliedBytes;
  }

  /** Highest index known to be committed; what may be applied is what the commit effects say. */
  get commitIndex(): number {
    return this.#node.log.commitIndex;
  }

  /** Index of the newest entry, on disk or not. */
  get lastIndex(): number {
    return this.#node.log.lastIndex;
  }

  /** A summary. */
  status(): RaftStatus {
    const { log, term, vote } = this.#node;
    return {
      role: this.#role.kind,
      term,
      vote,
      leaderId: this.#leaderId(),
      commitIndex: log.commitIndex,
      appliedIndex: log.appliedIndex,
      persistedIndex: log.persistedIndex,
      firstIndex: log.firstIndex,
      lastIndex: log.lastIndex,
    };
  }

  #dispatch(event: RaftEvent): void {
    switch (event.kind) {
      case "start":
        this.#start();
        break;
      case "tick":
        this.#become(this.#tick());
        break;
      case "propose":
        this.#propose(event.payloads);
        break;
      case "readIndex":
        this.#readIndex(event.id);
        break;
      case "message":
        this.#takeMessage(event.from, event.message);
        break;
      case "persisted":
        this.#persisted(event.sequence);
        break;
      case "applied":
        this.#applied(event.index);
        break;
      default:
        unreachable(event, "event");
    }
  }

  #start(): void {
    // Nobody else can win, so there is nothing to wait for.
    const isAlone = this.#node.peers.length === 0 && this.#node.canCampaign;
    if (isAlone) this.#become({ to: "preCandidate" });
  }

  #tick(): Transition | undefined {
    const role = this.#role;
    switch (role.kind) {
      case "follower":
        return tickFollower(this.#node, role);
      case "preCandidate":
      case "candidate":
        return tickCandidate(this.#node, role);
      case "leader":
        return tickLeader(this.#node, role);
      default:
        return unreachable(role, "role");
    }
  }

  #propose(payloads: readonly Uint8Array[]): void {
    if (this.#role.kind === "leader") proposeAsLeader(this.#node, this.#role, payloads);
    else if (this.#role.kind === "follower") forwardProposals(this.#node, this.#role, payloads);
    else this.#node.refuseProposals(payloads);
  }

  #readIndex(id: number): void {
    if (!this.#node.reads.add(id)) {
      this.#node.refuseRead(id);
      return;
    }
    if (this.#role.kind === "leader") confirmReads(this.#node, this.#role);
    else if (this.#role.kind === "follower") forwardReads(this.#node, this.#role);
  }

  #persisted(sequence: number): void {
    const node = this.#node;
    node.finishWrites(sequence);
    if (this.#role.kind === "leader") ownLogPersisted(node, this.#role);
    else if (this.#role.kind === "candidate") {
      this.#become(ownVotePersisted(node, this.#role, sequence));
    }
  }

  #applied(index: number): void {
    const { log, peers, settings } = this.#node;
    log.applyTo(index);
    log.release(peers.length > 0 ? settings.retention : { entriesMax: 0, bytesMax: 0 });
  }

  #takeMessage(from: MemberId, message: Message): void {
    const node = this.#node;
    if (message.term > node.term && !this.#takeLaterTerm(from, message)) return;
    if (message.term < node.term) {
      this.#answerEarlierTerm(from, message);
      return;
    }
    if (message.kind === "voteRequest") {
      this.#answerVote(from, message);
      return;
    }
    const isFromLeader = message.kind === "appendRequest" || message.kind === "heartbeat";
    if (isFromLeader) {
      assert(this.#role.kind !== "leader", "one leader per term", { term: node.term, from });
      if (this.#role.kind !== "follower") {
        this.#become({ to: "follower", term: node.term, leaderId: from });
      }
    }
    this.#stepRole(from, message);
  }

  /** Follows a message into its later term; false when it is dealt with, or to be ignored. */
  #takeLaterTerm(from: MemberId, message: Message): boolean {
    const node = this.#node;
    if (message.kind === "voteRequest") {
      if (hasLiveLeader(node, this.#role)) return false;
      if (message.preVote) {
        this.#answerVote(from, message);
        return false;
      }
    }
    if (message.kind === "voteResponse" && message.preVote && message.granted) {
      // A granted pre-vote names a term that nobody has entered yet.
      this.#stepRole(from, message);
      return false;
    }
    const isFromLeader = message.kind === "appendRequest" || message.kind === "heartbeat";
    const leaderId = isFromLeader ? from : undefined;
    this.#become({ to: "follower", term: message.term, leaderId });
    return true;
  }

  #answerEarlierTerm(from: MemberId, message: Message): void {
    const { term } = this.#node;
    switch (message.kind) {
      case "appendRequest":
      case "heartbeat":
        this.#node.send(from, { kind: "termNotice", term });
        return;
      case "voteRequest":
        rejectVote(this.#node, { from, preVote: message.preVote });
        return;
      default:
        return;
    }
  }

  #answerVote(from: MemberId, message: Extract<Message, { kind: "voteRequest" }>): void {
    const gave = answerVoteRequest(this.#node, this.#role, { ...message, from });
    // Whoever was given a vote deserves the time to win with it.
    if (gave && this.#role.kind === "follower") this.#role.elapsedTicks = 0;
  }

  #stepRole(from: MemberId, message: Message): void {
    const role = this.#role;
    switch (role.kind) {
      case "follower":
        stepFollower(this.#node, role, { from, message });
        break;
      case "preCandidate":
      case "candidate":
        this.#become(stepCandidate(this.#node, role, { from, message }));
        break;
      case "leader":
        stepLeader(this.#node, role, { from, message });
        break;
      default:
        unreachable(role, "role");
    }
  }

  /** Carries transitions out until none is left: a lone voter wins its pre-vote at once. */
  #become(transition: Transition | undefined): void {
    const node = this.#node;
    let next = transition;
    while (next !== undefined) {
      this.#leaveRole();
      switch (next.to) {
        case "follower":
          node.enterTerm(next.term);
          this.#role = makeFollower(node, next.leaderId);
          forwardReads(node, this.#role);
          return;
        case "preCandidate":
          this.#role = makePreCandidate(node);
          next = tallyVotes(node, this.#role);
          break;
        case "candidate":
          this.#role = makeCandidate(node);
          return;
        case "leader":
          this.#role = makeLeader(node);
          return;
        default:
          unreachable(next, "transition");
      }
    }
  }

  #leaveRole(): void {
    const { reads } = this.#node;
    reads.leaderLost();
    // Reads of other members are theirs to repeat; our own go to the next leader.
    if (this.#role.kind === "leader") reads.restore(this.#role.rounds.finish()?.ids ?? []);
  }

  #leaderId(): MemberId | undefined {
    if (this.#role.kind === "leader") return this.#node.id;
    return this.#role.kind === "follower" ? this.#role.leaderId : undefined;
  }

  #collectEffects(): Effect[] {
    const node = this.#node;
    const told = this.#told;
    const effects: Effect[] = [];
    if (node.term !== told.term || node.vote !== told.vote || node.log.hasUnpersisted) {
      effects.push({
        kind: "persist",
        entries: node.log.takeUnpersisted(),
        sequence: node.startWrite(),
        hardState: { term: node.term, vote: node.vote, commit: node.log.commitIndex },
      });
    }
    const role = this.#role.kind;
    const leaderId = this.#leaderId();
    if (node.term !== told.term || role !== told.role || leaderId !== told.leaderId) {
      effects.push({ kind: "roleChanged", role, term: node.term, leaderId });
    }
    // Only what this disk holds may be applied: the store must never be ahead of the log after a crash.
    const commit = Math.min(node.log.commitIndex, node.log.persistedIndex);
    if (commit > told.commit) effects.push({ kind: "commit", upTo: commit });
    this.#told = {
      term: node.term,
      vote: node.vote,
      role,
      leaderId,
      commit: Math.max(commit, told.commit),
    };
    effects.push(...node.takeOutbox());
    return effects;
  }
}
