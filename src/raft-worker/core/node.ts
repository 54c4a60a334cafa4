import { assert } from "../../shared/assert.js";
import type { Random } from "../../shared/prng.js";
import type { Effect } from "./effects.js";
import { type Entry, type MemberId, NO_MEMBER } from "./entry.js";
import type { RaftLog, Retention } from "./log.js";
import type { Message } from "./messages.js";
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
}

/**
 * What all roles of one member share: its name, the voters, term and vote, the log, and the sends and
 * answers of the step under way. Roles change it; only the facade turns it into effects.
 */
export class Node {
  readonly id: MemberId;
  readonly voters: Voters;
  /** The other voters, in id order. */
  readonly peers: readonly MemberId[];
  readonly settings: RaftSettings;
  readonly random: Random;
  readonly log: RaftLog;
  readonly reads: ReadQueue;
  #term: number;
  #vote: MemberId;
  #lastSequence = 0;
  #finishedSequence = 0;
  #outbox: PendingEffect[] = [];

  constructor(parts: {
    readonly id: MemberId;
    readonly voters: Voters;
    readonly settings: RaftSettings;
    readonly random: Random;
    readonly log: RaftLog;
    readonly reads: ReadQueue;
    readonly term: number;
    readonly vote: MemberId;
  }) {
    this.id = parts.id;
    this.voters = parts.voters;
    this.peers = voterIds(parts.voters).filter((id) => id !== parts.id);
    this.settings = parts.settings;
    this.random = parts.random;
    this.log = parts.log;
    this.reads = parts.reads;
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

  /** Whether this member may campaign. */
  get canCampaign(): boolean {
    return isVoter(this.voters, this.id);
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
}

type PendingEffect =
  | {
      readonly kind: "send";
      readonly to: MemberId;
      readonly message: Message;
      readonly waits: boolean;
    }
  | Extract<Effect, { kind: "readReady" | "readRefused" | "proposalsRefused" }>;
