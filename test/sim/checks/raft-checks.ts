import type { Effect, PersistEffect } from "../../../src/raft-worker/core/effects.js";
import type { Entry } from "../../../src/raft-worker/core/entry.js";
import type { RaftEvent } from "../../../src/raft-worker/core/events.js";
import type { Message } from "../../../src/raft-worker/core/messages.js";
import type { Raft } from "../../../src/raft-worker/core/raft.js";
import type { StoreBatch } from "../../../src/raft-worker/log-store.js";
import type { OpenedLog } from "../../../src/raft-worker/open-log.js";
import { isConfChangePayload } from "../../../src/shared/messages/conf-change.js";
import {
  ENTRY_HEADER_BYTES,
  EntryKind,
  readEntryHeader,
} from "../../../src/shared/messages/entry.js";
import { promise } from "../world/failure.js";
import { hashBytes } from "./hash-bytes.js";
import { TrackedLog } from "./tracked-log.js";

/** A committed entry, as the whole cluster must know it for ever. */
interface Committed {
  readonly entry: Entry;
  /** Of the leader that committed it. */
  readonly inTerm: number;
}

/** What is known of one member. */
interface MemberView {
  /** As the running process has it; what it has asked for may not be on disk. */
  log: TrackedLog;
  /** As the disk has it for sure. */
  durable: TrackedLog;
  durableTerm: number;
  durableVote: bigint;
  /** First index of what is being written: below it nothing may change. */
  writingFrom: number;
  commitIndex: number;
  /** Where changes of the membership are in its log, ascending. */
  changes: number[];
  /** By read token: everything committed anywhere when the read was asked for. */
  readonly readFloors: Map<number, number>;
}

/** One step of a member's core. */
export interface RaftStep {
  readonly raft: Raft;
  readonly event: RaftEvent;
  readonly effects: readonly Effect[];
}

/**
 * The safety properties of Raft (paper figure 3), with what this server adds: nothing is committed that
 * is not on a quorum's disks, nothing on a disk is lost, no proposal is in the log twice, and no read
 * index is older than what was committed when it was asked for.
 */
export class RaftChecks {
  readonly #members = new Map<bigint, MemberView>();
  /** By index; nothing at 0. */
  readonly committed: (Committed | undefined)[] = [undefined];
  readonly #leaders = new Map<number, bigint>();
  /** By index and term: what the entry holds, and the term before it. */
  readonly #entries = new Map<string, { readonly hash: number; readonly previousTerm: number }>();
  readonly #proposals = new Map<string, number>();
  /** Index of each entry by its request. */
  readonly #requests = new Map<string, number>();
  readonly #bootstrapped: number;
  readonly #votersAt: (index: number) => readonly bigint[];
  readsAnswered = 0;
  elections = 0;

  /**
   * `bootstrapped` entries are in every first member's log, and committed from the start. `votersAt` gives who
   * may vote once the entry at an index is applied.
   */
  constructor(bootstrapped: number, votersAt: (index: number) => readonly bigint[]) {
    this.#bootstrapped = bootstrapped;
    this.#votersAt = votersAt;
  }

  /** Highest index that was ever committed. */
  get committedIndex(): number {
    return this.committed.length - 1;
  }

  /** Where a request, which differs from every other, is in the log, if it was committed. */
  indexOf(request: Uint8Array): number | undefined {
    return this.#requests.get(requestName(request));
  }

  /** A process has read its log. */
  opened(id: bigint, opened: OpenedLog): void {
    const found = TrackedLog.of(opened.log);
    const before = this.#members.get(id);
    if (before !== undefined) checkRecovered(id, before, { found, opened });
    this.#members.set(id, {
      log: found,
      durable: found.copy(),
      durableTerm: opened.hardState.term,
      durableVote: opened.hardState.vote,
      writingFrom: Number.POSITIVE_INFINITY,
      commitIndex: opened.log.base.index,
      changes: changesIn(opened.log.entries),
      readFloors: new Map(),
    });
    for (const entry of opened.log.entries) {
      const isNext = entry.index === this.committed.length && entry.index <= this.#bootstrapped;
      if (isNext) this.committed.push({ entry, inTerm: entry.term });
    }
    // What a member took for committed before must still be there.
    this.#checkCommits(id, {
      commitIndex: opened.hardState.commit,
      termAt: (at) => found.termAt(at),
    });
  }

  /** A write has reached the disk. */
  durable(id: bigint, batch: StoreBatch): void {
    const view = this.#view(id);
    const { snapshot } = batch;
    if (snapshot !== undefined) view.durable.restart(snapshot);
    view.durable.append(batch.entries);
    view.durableTerm = batch.hardState.term;
    view.durableVote = batch.hardState.vote;
    view.writingFrom = Number.POSITIVE_INFINITY;
  }

  /** A core has taken a step. */
  stepped(id: bigint, { raft, event, effects }: RaftStep): void {
    const view = this.#view(id);
    if (event.kind === "readIndex") view.readFloors.set(event.id, this.committedIndex);
    for (const effect of effects) {
      if (effect.kind === "persist") this.#persist(id, view, { effect, raft });
    }
    if (raft.commitIndex > view.commitIndex) this.#committed(id, view, { raft, event });
    for (const effect of effects) {
      if (effect.kind === "roleChanged" && effect.role === "leader") this.#elected(id, effect.term);
      else if (effect.kind === "roleChanged" && effect.role === "candidate")
        mayCampaign(id, view, raft);
      else if (effect.kind === "commit") this.#mayApply(id, view, effect.upTo);
      else if (effect.kind === "readReady") this.#readReady(id, view, effect);
    }
  }

  /** A message leaves a member: what it promises must be on its disk. */
  sent(id: bigint, to: bigint, message: Message): void {
    const view = this.#view(id);
    if (message.kind === "voteResponse" && message.granted && !message.preVote) {
      const isKept = view.durableTerm > message.term || view.durableVote === to;
      promise(
        isKept && view.durableTerm >= message.term,
        "promises are on disk",
        () => `member ${id} votes for ${to} in term ${message.term}, which its disk does not hold`,
      );
    } else if (message.kind === "voteRequest" && !message.preVote) {
      promise(
        view.durableTerm >= message.term,
        "promises are on disk",
        () => `member ${id} campaigns in term ${message.term}, which its disk does not hold`,
      );
    } else if (message.kind === "appendAccepted") {
      const { matchIndex } = message;
      promise(
        matchIndex <= view.durable.lastIndex,
        "promises are on disk",
        () =>
          `member ${id} acknowledges entries up to ${matchIndex}, its disk holds ${view.durable.lastIndex}`,
      );
    } else if (message.kind === "proposeRequest") {
      promise(
        !message.payloads.some(isLeadersOwn),
        "only a leader ends leases",
        () => `member ${id} has ${to} end a lease`,
      );
    }
  }

  #view(id: bigint): MemberView {
    const view = this.#members.get(id);
    promise(view !== undefined, "no broken invariant", () => `member ${id} steps before it is up`);
    return view;
  }

  #persist(
    id: bigint,
    view: MemberView,
    { effect, raft }: { readonly effect: PersistEffect; readonly raft: Raft },
  ): void {
    const { snapshot } = effect;
    if (snapshot !== undefined) view.log.restart(snapshot);
    const first = effect.entries[0];
    if (first !== undefined) {
      let previousTerm = view.log.termAt(first.index - 1);
      promise(
        previousTerm !== undefined,
        "log matching",
        () => `${id} has a gap before ${first.index}`,
      );
      for (const entry of effect.entries) {
        this.#matches(id, entry, previousTerm);
        previousTerm = entry.term;
      }
      view.log.append(effect.entries);
      view.changes = view.changes.filter((index) => index < first.index);
      view.changes.push(...changesIn(effect.entries));
      const { role, configuredIndex } = raft.status();
      const open = view.changes.filter((index) => index > configuredIndex);
      promise(
        role !== "leader" || open.length <= 1,
        "one change at a time",
        () => `the leader ${id} has the changes ${open.join(", ")} under way at once`,
      );
    }
    view.writingFrom = Math.min(view.writingFrom, first?.index ?? Number.POSITIVE_INFINITY);
    if (snapshot !== undefined) view.writingFrom = 0;
  }

  #matches(id: bigint, entry: Entry, previousTerm: number): void {
    const name = `${entry.index}/${entry.term}`;
    const hash = hashBytes(entry.payload);
    const known = this.#entries.get(name);
    if (known === undefined) {
      this.#entries.set(name, { hash, previousTerm });
      return;
    }
    promise(
      known.hash === hash && known.previousTerm === previousTerm,
      "log matching",
      () => `entry ${name} of member ${id} is another one, or follows another one, than elsewhere`,
    );
  }

  #committed(
    id: bigint,
    view: MemberView,
    { raft, event }: { readonly raft: Raft; readonly event: RaftEvent },
  ): void {
    this.#checkCommits(id, {
      commitIndex: raft.commitIndex,
      termAt: (index) => raft.termAt(index),
      raft,
    });
    view.commitIndex = raft.commitIndex;
    const { role, term } = raft.status();
    const isOwn = raft.termAt(raft.commitIndex) === term;
    promise(
      role !== "leader" || !isCounting(event) || isOwn,
      "only entries of its own term are committed by counting",
      () => `the leader ${id} of term ${term} commits entry ${raft.commitIndex}`,
    );
  }

  #checkCommits(
    id: bigint,
    log: {
      readonly commitIndex: number;
      readonly termAt: (index: number) => number | undefined;
      readonly raft?: Raft;
    },
  ): void {
    const view = this.#view(id);
    for (let index = view.commitIndex + 1; index <= log.commitIndex; index += 1) {
      const term = log.termAt(index);
      // Below what the log holds: a snapshot stands for it.
      if (term === undefined) continue;
      const known = this.committed[index];
      if (known !== undefined) {
        promise(
          known.entry.term === term,
          "state machine safety",
          () =>
            `member ${id} commits entry ${index} of term ${term}, committed was one of term ${known.entry.term}`,
        );
      } else if (log.raft !== undefined) {
        this.#newlyCommitted(log.raft, index, term);
      }
    }
    view.commitIndex = Math.max(view.commitIndex, log.commitIndex);
  }

  #newlyCommitted(raft: Raft, index: number, term: number): void {
    promise(
      index === this.committed.length,
      "no committed entry is lost",
      () => `entry ${index} is committed, the last known one was ${this.committedIndex}`,
    );
    const holds = (id: bigint): boolean => this.#members.get(id)?.durable.termAt(index) === term;
    const voters = this.#votersAt(raft.status().configuredIndex);
    promise(
      voters.filter(holds).length > voters.length / 2,
      "committed is durable",
      () => `entry ${index} of term ${term} is committed, and not on the disks of a quorum`,
    );
    const entry = raft.entryAt(index);
    this.committed.push({ entry, inTerm: raft.status().term });
    this.#checkOnce(entry);
  }

  #checkOnce({ index, payload }: Entry): void {
    if (payload.length < ENTRY_HEADER_BYTES) return;
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    const blank = { kind: EntryKind.none, frontend: 0, origin: 0n, requestId: 0 };
    const { origin, frontend, requestId } = readEntryHeader(view, 0, blank);
    if (origin === 0n) return;
    const name = `${origin} ${frontend} ${requestId}`;
    this.#requests.set(requestName(payload.subarray(ENTRY_HEADER_BYTES)), index);
    const other = this.#proposals.get(name);
    promise(
      other === undefined,
      "no proposal is committed twice",
      () => `request ${name} is in the entries ${other} and ${index}`,
    );
    this.#proposals.set(name, index);
  }

  #elected(id: bigint, term: number): void {
    const known = this.#leaders.get(term);
    promise(
      known === undefined || known === id,
      "one leader per term",
      () => `term ${term} has the leaders ${known} and ${id}`,
    );
    if (known === undefined) this.elections += 1;
    this.#leaders.set(term, id);
    const view = this.#view(id);
    for (const [index, committed] of this.committed.entries()) {
      if (committed === undefined || committed.inTerm >= term) continue;
      if (index <= view.log.baseIndex) continue;
      promise(
        view.log.termAt(index) === committed.entry.term,
        "leader completeness",
        () => `the leader ${id} of term ${term} lacks the committed entry ${index}`,
      );
    }
  }

  #mayApply(id: bigint, view: MemberView, upTo: number): void {
    if (upTo <= view.durable.baseIndex) return;
    promise(
      view.durable.termAt(upTo) === this.committed[upTo]?.entry.term,
      "applied is durable",
      () => `member ${id} may apply entry ${upTo}, which its disk does not hold`,
    );
  }

  #readReady(
    id: bigint,
    view: MemberView,
    ready: { readonly id: number; readonly index: number },
  ): void {
    const floor = view.readFloors.get(ready.id);
    promise(
      floor !== undefined,
      "reads are linearizable",
      () => `member ${id} confirms read ${ready.id}, which nobody asked for`,
    );
    promise(
      ready.index >= floor,
      "reads are linearizable",
      () =>
        `member ${id} confirms a read at entry ${ready.index}; ${floor} was committed when it was asked`,
    );
    view.readFloors.delete(ready.id);
    this.readsAnswered += 1;
  }
}

/** Nobody campaigns with a configuration that it knows to be outdated. */
function mayCampaign(id: bigint, view: MemberView, raft: Raft): void {
  const { configuredIndex } = raft.status();
  const missed = view.changes.find((index) => index > configuredIndex && index <= raft.commitIndex);
  promise(
    missed === undefined,
    "campaigns are with the newest configuration",
    () =>
      `member ${id} campaigns; it knows that change ${missed} is committed, and has applied ${configuredIndex}`,
  );
}

/** Whether a payload is what a leader's lessor wants, and no client: the end of a lease. */
function isLeadersOwn(payload: Uint8Array): boolean {
  if (payload[0] !== EntryKind.leaseRevoke) return false;
  return payload[2] === 0xff && payload[3] === 0xff;
}

/** Whether a leader that has got this counts who holds what. */
function isCounting(event: RaftEvent): boolean {
  if (event.kind === "persisted") return true;
  return event.kind === "message" && event.message.kind === "appendAccepted";
}

function changesIn(entries: readonly Entry[]): number[] {
  return entries.filter(({ payload }) => isConfChangePayload(payload)).map(({ index }) => index);
}

function requestName(request: Uint8Array): string {
  return Buffer.from(request).toString("latin1");
}

/** What was on disk for sure is found there again. */
function checkRecovered(
  id: bigint,
  before: MemberView,
  after: { readonly found: TrackedLog; readonly opened: OpenedLog },
): void {
  const { found, opened } = after;
  const { term, vote } = opened.hardState;
  promise(
    term >= before.durableTerm,
    "nothing on disk is lost",
    () => `member ${id} comes back in term ${term}, it had written ${before.durableTerm}`,
  );
  const keptVote =
    term > before.durableTerm || before.durableVote === 0n || vote === before.durableVote;
  promise(
    keptVote,
    "nothing on disk is lost",
    () =>
      `member ${id} voted for ${before.durableVote} in term ${term}, and comes back with ${vote}`,
  );
  const last = Math.min(before.durable.lastIndex, before.writingFrom - 1);
  for (let index = found.baseIndex + 1; index <= last; index += 1) {
    promise(
      found.termAt(index) === before.durable.termAt(index),
      "nothing on disk is lost",
      () =>
        `member ${id} comes back without entry ${index} of term ${before.durable.termAt(index)}`,
    );
  }
}
