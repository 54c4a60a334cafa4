import { assert } from "../../shared/assert.js";
import type { Random } from "../../shared/prng.js";
import { type Configuration, memberIds } from "./configuration.js";
import type { Effect } from "./effects.js";
import { type Entry, type MemberId, NO_MEMBER } from "./entry.js";
import type { RaftLog, Retention } from "./log.js";
import type { KnownCommit, Message } from "./messages.js";
import { isVoter, type Voters, voterIds } from "./quorum.js";
import type { ReadQueue } from "./read-index.js";

/** Numbers that shape a member's behaviour. All members of a group should have the same timing. */
export interface RaftSettings {
  /** Ticks without a leader before a member campaigns; drawn from [n, 2n) each time. */
  readonly electionTicks: number;
  /** Ticks between a leader's heartbeats. */
  readonly heartbeatTicks: number;
  /** Appends to one member that may be unanswered. */
  readonly inflightMessagesMax: number;
  /** Payload bytes in one append, unless a single entry is larger. */
  readonly appendBytesMax: number;
  /** Reads that may wait for a leader. */
  readonly readsWaitingMax: number;
  /** Applied entries kept in memory for members that lag; a lone member keeps none. */
  readonly retention: Retention;
  /**
   * Payload bytes up to which the log keeps what follows a snapshot that is on its way to a member,
   * beyond the retention. Past them the entries go, and that member needs another snapshot.
   */
  readonly snapshotRetainBytesMax: number;
  /** Ticks in which a snapshot that was asked for must start, and one that arrived be installed. */
  readonly snapshotPatienceTicks: number;
  /** A leader with this many payload bytes not applied refuses proposals of other members. */
  readonly unappliedBytesMax: number;
  /** Ask whether a campaign would succeed before entering its term (Raft thesis section 9.6). */
  readonly preVote: boolean;
  /** The first election timeout of this life is a fraction of one: for a member of a new group. */
  readonly advanceFirstElection: boolean;
}

/** What the core must know of entries whose meaning it otherwise leaves alone. */
export interface ConfChangeCodec {
  /** Whether a payload changes the configuration. */
  isConfChange(payload: Uint8Array): boolean;
  /** The change that a leader proposes to end a joint one. */
  readonly leaveJointPayload: Uint8Array;
}

/**
 * What all roles of one member share: its name, the configuration, term and vote, the log, and the sends and
 * answers of the step under way. Roles change it; only the facade turns it into effects.
 */
export class Node {
  readonly id: MemberId;
  readonly settings: RaftSettings;
  readonly codec: ConfChangeCodec;
  readonly random: Random;
  readonly log: RaftLog;
  readonly reads: ReadQueue;
  #configuration: Configuration;
  #peers: readonly MemberId[];
  #flushedIndex: number;
  #term: number;
  #vote: MemberId;
  #lastSequence = 0;
  #finishedSequence = 0;
  #outbox: PendingEffect[] = [];

  constructor(parts: {
    readonly id: MemberId;
    readonly configuration: Configuration;
    readonly settings: RaftSettings;
    readonly codec: ConfChangeCodec;
    readonly random: Random;
    readonly log: RaftLog;
    readonly reads: ReadQueue;
    readonly term: number;
    readonly vote: MemberId;
  }) {
    this.id = parts.id;
    this.settings = parts.settings;
    this.codec = parts.codec;
    this.random = parts.random;
    this.log = parts.log;
    this.reads = parts.reads;
    this.#configuration = parts.configuration;
    this.#peers = this.#withoutThis(memberIds(parts.configuration));
    this.#flushedIndex = parts.log.appliedIndex;
    this.#term = parts.term;
    this.#vote = parts.vote;
  }

  get term(): number {
    return this.#term;
  }

  /** Whom this member voted for in this term. */
  get vote(): MemberId {
    return this.#vote;
  }

  /** Who belongs to the group, as far as this member has applied it. */
  get configuration(): Configuration {
    return this.#configuration;
  }

  get voters(): Voters {
    return this.#configuration.voters;
  }

  /** The other members, learners too, in id order. */
  get peers(): readonly MemberId[] {
    return this.#peers;
  }

  /** The other voters, in id order. */
  get otherVoters(): readonly MemberId[] {
    return this.#withoutThis(voterIds(this.voters));
  }

  /** Whether this member has a vote. */
  get isVoter(): boolean {
    return isVoter(this.voters, this.id);
  }

  /**
   * Whether this member may campaign. Not while it knows of a committed change that it has not applied:
   * its voters could be two changes behind those of today, whose majorities need not overlap with theirs.
   */
  get canCampaign(): boolean {
    return this.isVoter && !this.log.isConfigurationOutdated;
  }

  /** What this member knows to be committed, for those who have forgotten. */
  get knownCommit(): KnownCommit {
    const { commitIndex } = this.log;
    const commitTerm = this.log.termAt(commitIndex);
    assert(commitTerm !== undefined, "the log reaches its commit index", { commitIndex });
    return { commitIndex, commitTerm };
  }

  /** Takes what another member knows to be committed, if this log holds it. */
  learnCommit(known: KnownCommit): void {
    if (this.log.termAt(known.commitIndex) === known.commitTerm) {
      this.log.commitTo(known.commitIndex);
    }
  }

  /** This member's store holds everything up to here on disk. */
  get flushedIndex(): number {
    return this.#flushedIndex;
  }

  /** Takes the configuration that is in effect after the change at `index`. */
  configure(index: number, configuration: Configuration): void {
    this.log.configuredTo(index);
    this.#configuration = configuration;
    this.#peers = this.#withoutThis(memberIds(configuration));
  }

  /** The store holds everything up to `index` on disk. */
  flushedTo(index: number): void {
    this.#flushedIndex = Math.max(this.#flushedIndex, index);
  }

  /** Number that the next persist effect will have. */
  get nextSequence(): number {
    return this.#lastSequence + 1;
  }

  /** Enters a later term, in which nobody has this member's vote yet. */
  enterTerm(term: number): void {
    if (term <= this.#term) return;
    this.#term = term;
    this.#vote = NO_MEMBER;
  }

  /** Gives the vote of this term; it may be given again to the same member only. */
  giveVote(to: MemberId): void {
    this.#vote = to;
  }

  /** A fresh election timeout: at random, so that members seldom campaign at once. */
  drawElectionTimeout(): number {
    return this.settings.electionTicks + this.random.below(this.settings.electionTicks);
  }

  /** Sends a message that promises nothing about this member's disk. */
  send(to: MemberId, message: Message): void {
    this.#outbox.push({ kind: "send", to, message, waits: false });
  }

  /** Sends a message that must wait for everything this step and those before it write. */
  sendWhenPersisted(to: MemberId, message: Message): void {
    this.#outbox.push({ kind: "send", to, message, waits: true });
  }

  /** Answers a local read. */
  confirmReads(ids: readonly number[], index: number): void {
    for (const id of ids) this.#outbox.push({ kind: "readReady", id, index });
  }

  /** Refuses a local read. */
  refuseRead(id: number): void {
    this.#outbox.push({ kind: "readRefused", id });
  }

  /** Refuses local proposals. */
  refuseProposals(payloads: readonly Uint8Array[]): void {
    this.#outbox.push({ kind: "proposalsRefused", payloads });
  }

  /** Asks the shell to bring a member a snapshot. */
  askForSnapshot(to: MemberId): void {
    this.#outbox.push({ kind: "sendSnapshot", to });
  }

  /** Appends one entry of this term per payload. */
  appendPayloads(payloads: readonly Uint8Array[]): void {
    const first = this.log.lastIndex + 1;
    const entries: Entry[] = payloads.map((payload, position) => ({
      index: first + position,
      term: this.#term,
      payload,
    }));
    this.log.append(entries);
  }

  /** Numbers the write that the step under way asks for. */
  startWrite(): number {
    this.#lastSequence += 1;
    this.log.writeStarted(this.#lastSequence);
    return this.#lastSequence;
  }

  /** Every write up to `sequence` is on disk. */
  finishWrites(sequence: number): void {
    assert(sequence <= this.#lastSequence, "only writes that were asked for can finish", {
      sequence,
      lastSequence: this.#lastSequence,
    });
    this.#finishedSequence = Math.max(this.#finishedSequence, sequence);
    this.log.writesFinished(sequence);
  }

  /** Number of the newest write asked for. */
  get lastSequence(): number {
    return this.#lastSequence;
  }

  /** Takes what the step under way has to send and answer, after its write was numbered. */
  takeOutbox(): Effect[] {
    // Waiting for every write under way is more than a message may need, and never too little.
    const after = this.#finishedSequence < this.#lastSequence ? this.#lastSequence : 0;
    const outbox = this.#outbox;
    this.#outbox = [];
    return outbox.map((effect) =>
      effect.kind === "send"
        ? { kind: "send", to: effect.to, message: effect.message, after: effect.waits ? after : 0 }
        : effect,
    );
  }

  #withoutThis(ids: readonly MemberId[]): readonly MemberId[] {
    return ids.filter((id) => id !== this.id);
  }
}

type PendingEffect =
  | {
      readonly kind: "send";
      readonly to: MemberId;
      readonly message: Message;
      readonly waits: boolean;
    }
  | Extract<Effect, { kind: "readReady" | "readRefused" | "proposalsRefused" | "sendSnapshot" }>;
