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
import { type Configuration, isOnlyVoter } from "./configuration.js";
import { EffectTeller } from "./effect-teller.js";
import type { Effect } from "./effects.js";
import type { Entry, HardState, LogPosition, MemberId } from "./entry.js";
import type { RaftEvent } from "./events.js";
import {
  campaignIfWanted,
  contactLost,
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
  reconfigureLeader,
  stepLeader,
  tickLeader,
} from "./leader.js";
import type { LogContents } from "./log.js";
import { makeNode } from "./make-node.js";
import type { KnownCommit, Message } from "./messages.js";
import type { Node, RaftSettings } from "./node.js";
import type { Progress } from "./progress.js";
import { proposeAsLeader, refuseProposals, refuseWaitingChanges } from "./proposals.js";
import { releaseLog } from "./release.js";
import type { Role, Transition } from "./role.js";
import { type RaftStatus, statusOf } from "./status.js";
import { answerEarlierTerm, isFromLeader } from "./terms.js";
import { startTransfer } from "./transfer.js";
import { answerVoteRequest, hasLiveLeader } from "./vote.js";

/** Who a member is, and what it remembers from its earlier lives. */
export interface RaftOptions {
  readonly id: MemberId;
  /** As the store holds it, and the index that the store has applied: one of its transactions. */
  readonly configuration: Configuration;
  readonly configuredIndex: number;
  /** Whether a payload changes the configuration. What it changes, only the state machine knows. */
  readonly isConfChange: (payload: Uint8Array) => boolean;
  /** The change that a leader proposes to end a joint one. */
  readonly leaveJointPayload: Uint8Array;
  readonly settings: RaftSettings;
  /** Spreads election timeouts; must differ between members and between lives of one member. */
  readonly random: Random;
  readonly hardState: HardState;
  readonly log: LogContents;
  /** What the state machine holds already; commits up to here are not given out again. */
  readonly appliedIndex: number;
}

/**
 * The Raft state machine of one member: one event in, the effects that it calls for out, nothing
 * else. No I/O, no clock, no promise; the same events and the same seed give the same effects.
 * Raft paper (extended version) and thesis, with pre-vote, check-quorum and asynchronous storage.
 */
export class Raft {
  readonly #node: Node;
  readonly #teller: EffectTeller;
  #role: Role;

  constructor(options: RaftOptions) {
    const { hardState, appliedIndex, settings } = options;
    this.#node = makeNode(options);
    assert(this.#node.log.lastTerm <= hardState.term, "the log is not ahead of the term", {
      lastTerm: this.#node.log.lastTerm,
      term: hardState.term,
    });
    this.#teller = new EffectTeller(hardState, appliedIndex);
    const role = makeFollower(this.#node, undefined);
    if (settings.advanceFirstElection) role.elapsedTicks = settings.electionTicks - 1;
    this.#role = role;
  }

  /** Takes one event. The effects are the caller's; they must be carried out in order. */
  step(event: RaftEvent): Effect[] {
    this.#dispatch(event);
    return this.#teller.tell(this.#node, this.#role);
  }

  /** The committed entry that the shell is to hand to the state machine next. */
  entryAt(index: number): Entry {
    return this.#node.log.entryAt(index);
  }

  /** Term of an entry in memory, or of the one before the first. */
  termAt(index: number): number | undefined {
    return this.#node.log.termAt(index);
  }

  /** Whether a proposal would go somewhere: this member leads, or knows who does, and they take some. */
  get hasLeader(): boolean {
    const role = this.#role;
    if (role.kind === "leader") return role.transfer === undefined;
    return role.kind === "follower" && role.leaderId !== undefined && !role.proposalsPaused;
  }

  /** Payload bytes in the log that the state machine was not handed yet: what back-pressure goes by. */
  get unappliedBytes(): number {
    return this.#node.log.unappliedBytes;
  }

  /** Highest index known to be committed; what may be applied is what the commit effects say. */
  get commitIndex(): number {
    return this.#node.log.commitIndex;
  }

  /** Index of the first entry in memory, or of the next one when there is none. */
  get firstIndex(): number {
    return this.#node.log.firstIndex;
  }

  /** Index of the newest entry, on disk or not. */
  get lastIndex(): number {
    return this.#node.log.lastIndex;
  }

  /** A summary. */
  status(): RaftStatus {
    return statusOf(this.#node, this.#role);
  }

  #dispatch(event: RaftEvent): void {
    switch (event.kind) {
      case "start":
        this.#campaignIfAlone();
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
        this.#node.log.applyTo(event.index);
        releaseLog(this.#node, this.#role);
        break;
      case "flushed":
        this.#node.flushedTo(event.index);
        releaseLog(this.#node, this.#role);
        break;
      case "configured":
        this.#configured(event.index, event.configuration);
        break;
      case "transferLeader":
        if (this.#role.kind === "leader") startTransfer(this.#node, this.#role, event.to);
        break;
      case "snapshotStarted":
        this.#progressOf(event.to)?.snapshotStarted(event.index);
        break;
      case "snapshotFinished":
        this.#progressOf(event.to)?.snapshotFinished(event, this.#node.settings.electionTicks);
        break;
      case "snapshotInstalled":
        this.#snapshotInstalled({ index: event.index, term: event.term });
        break;
      case "unreachable":
        if (this.#role.kind === "follower") contactLost(this.#node, this.#role, event.id);
        else this.#progressOf(event.id)?.contactLost();
        break;
      default:
        unreachable(event, "event");
    }
  }

  #campaignIfAlone(): void {
    const { configuration, id, canCampaign } = this.#node;
    if (this.#role.kind === "leader" || !canCampaign) return;
    // Nobody else can win, so there is nothing to wait for.
    if (isOnlyVoter(configuration, id)) this.#become({ to: "preCandidate" });
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
    const { id } = this.#node;
    const role = this.#role;
    if (role.kind === "leader") proposeAsLeader(this.#node, role, { from: id, payloads });
    else if (role.kind === "follower") forwardProposals(this.#node, role, payloads);
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

  #configured(index: number, configuration: Configuration): void {
    const node = this.#node;
    assert(index >= node.log.configuredIndex, "changes take effect in order", {
      index,
      configuredIndex: node.log.configuredIndex,
    });
    node.configure(index, configuration);
    const role = this.#role;
    if (role.kind === "leader") this.#become(reconfigureLeader(node, role));
    else if (role.kind === "follower") this.#become(campaignIfWanted(node, role));
    // Asked others than those who now vote.
    else this.#become({ to: "follower", term: node.term, leaderId: undefined });
    this.#campaignIfAlone();
  }

  #snapshotInstalled(position: LogPosition): void {
    const node = this.#node;
    // The snapshot may have come before any message of its term.
    if (position.term > node.term) {
      this.#become({ to: "follower", term: position.term, leaderId: undefined });
    }
    const { firstIndex } = node.log;
    node.log.restartAfter(position);
    const isKept = node.log.firstIndex === firstIndex;
    assert(isKept || this.#role.kind !== "leader", "a leader's log holds what is committed", {
      ...position,
    });
    node.flushedTo(position.index);
    this.#teller.skipCommitsTo(position.index);
    // Without the answer the leader would find out with the next probe only.
    const { term, log } = node;
    if (this.#role.kind !== "follower" || this.#role.leaderId === undefined) return;
    const matchIndex = Math.max(position.index, log.commitIndex);
    node.sendWhenPersisted(this.#role.leaderId, { kind: "appendAccepted", term, matchIndex });
  }

  #takeMessage(from: MemberId, message: Message): void {
    const node = this.#node;
    if (message.kind === "voteRequest" || message.kind === "voteResponse") {
      this.#learnCommit(message);
    }
    if (message.term > node.term && !this.#takeLaterTerm(from, message)) return;
    if (message.kind === "proposeRefused") {
      this.#takeRefusal(message.payloads);
      return;
    }
    if (message.term < node.term) {
      answerEarlierTerm(node, from, message);
      return;
    }
    if (message.kind === "proposeRequest" && this.#role.kind !== "leader") {
      refuseProposals(node, { from, payloads: message.payloads });
      return;
    }
    if (message.kind === "voteRequest") {
      this.#answerVote(from, message);
      return;
    }
    if (isFromLeader(message)) {
      assert(this.#role.kind !== "leader", "one leader per term", { term: node.term, from });
      if (this.#role.kind !== "follower") {
        this.#become({ to: "follower", term: node.term, leaderId: from });
      }
    }
    this.#stepRole(from, message);
  }

  /** What is committed stays so, whoever says it and when. It may end a campaign among old voters. */
  #learnCommit(known: KnownCommit): void {
    const node = this.#node;
    // A leader goes by what it counts itself.
    if (this.#role.kind === "leader") return;
    node.learnCommit(known);
    if (this.#role.kind === "follower" || node.canCampaign) return;
    this.#become({ to: "follower", term: node.term, leaderId: undefined });
  }

  /** Follows a message into its later term; false when it is dealt with, or to be ignored. */
  #takeLaterTerm(from: MemberId, message: Message): boolean {
    const node = this.#node;
    if (message.kind === "voteRequest") {
      if (!message.transfer && hasLiveLeader(node, this.#role)) return false;
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
    const leaderId = isFromLeader(message) ? from : undefined;
    this.#become({ to: "follower", term: message.term, leaderId });
    return true;
  }

  /** The leader did not take our proposals. They wait here for a tick, or for the next leader. */
  #takeRefusal(payloads: readonly Uint8Array[]): void {
    if (this.#role.kind === "follower") this.#role.proposalsPaused = true;
    this.#node.refuseProposals(payloads);
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
        this.#become(stepFollower(this.#node, role, { from, message }));
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
          if (!node.settings.preVote) {
            next = { to: "candidate", transfer: false };
            break;
          }
          this.#role = makePreCandidate(node);
          next = tallyVotes(node, this.#role);
          break;
        case "candidate":
          this.#role = makeCandidate(node, next.transfer);
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
    if (this.#role.kind !== "leader") return;
    // Reads of other members are theirs to repeat; our own go to the next leader.
    reads.restore(this.#role.rounds.finish()?.ids ?? []);
    refuseWaitingChanges(this.#node, this.#role);
  }

  #progressOf(id: MemberId): Progress | undefined {
    return this.#role.kind === "leader" ? this.#role.progress.get(id) : undefined;
  }
}
