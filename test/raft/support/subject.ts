import assert from "node:assert/strict";
import type { Configuration } from "../../../src/raft-worker/core/configuration.js";
import type { Entry } from "../../../src/raft-worker/core/entry.js";
import type { RaftEvent } from "../../../src/raft-worker/core/events.js";
import type { Message } from "../../../src/raft-worker/core/messages.js";
import type { RaftSettings } from "../../../src/raft-worker/core/node.js";
import { Raft } from "../../../src/raft-worker/core/raft.js";
import { seededRandom } from "../../../src/shared/prng.js";
import { TEST_SETTINGS } from "./cluster.js";
import { TEST_CODEC, votersOnly } from "./conf-change.js";
import { describeEffect, describeStatus } from "./describe.js";

/** What a member remembers when a test begins. */
export interface Start {
  readonly term?: number;
  readonly vote?: bigint;
  readonly commit?: number;
  readonly applied?: number;
  /** Terms of the entries on disk. */
  readonly log?: readonly number[];
  /** Payloads of the first of them. */
  readonly changes?: readonly string[];
  readonly voters?: readonly bigint[];
  readonly configuration?: Configuration;
  readonly settings?: Partial<RaftSettings>;
}

/** Of a member that knows nothing to be committed. */
export const NO_COMMIT = { commitIndex: 0, commitTerm: 0 };

/** Member 1 of a group, and what it does in words. */
export class Subject {
  readonly raft: Raft;

  constructor(start: Start = {}) {
    this.raft = new Raft({
      id: 1n,
      configuration: start.configuration ?? votersOnly(start.voters ?? [1n, 2n, 3n]),
      configuredIndex: start.applied ?? 0,
      ...TEST_CODEC,
      settings: { ...TEST_SETTINGS, ...start.settings },
      random: seededRandom(1),
      hardState: { term: start.term ?? 0, vote: start.vote ?? 0n, commit: start.commit ?? 0 },
      log: { base: { index: 0, term: 0 }, entries: logOf(start) },
      appliedIndex: start.applied ?? 0,
    });
  }

  step(event: RaftEvent): string[] {
    return this.raft.step(event).map(describeEffect);
  }

  hear(from: bigint, message: Message): string[] {
    return this.step({ kind: "message", from, message });
  }

  tick(count = 1): string[] {
    return Array.from({ length: count }, () => this.step({ kind: "tick" })).flat();
  }

  get status(): string {
    return describeStatus(this.raft.status());
  }
}

function logOf({ log = [], changes = [] }: Start): Entry[] {
  return entriesOf(1, log).map((entry) => {
    const change = changes[entry.index - 1];
    return change === undefined ? entry : { ...entry, payload: Buffer.from(change) };
  });
}

/** Empty entries from index `first` on, one per term given. */
export function entriesOf(first: number, terms: readonly number[]): Entry[] {
  return terms.map((term, at) => ({ index: first + at, term, payload: new Uint8Array(0) }));
}

/** An append of empty entries after `prev`, (index, term). */
export function append(term: number, prev: readonly [number, number], terms: readonly number[]) {
  const [prevIndex, prevTerm] = prev;
  return {
    kind: "appendRequest",
    term,
    prevIndex,
    prevTerm,
    entries: entriesOf(prevIndex + 1, terms),
    commitIndex: 0,
  } as const;
}

/** A heartbeat before the first read-index round. */
export function heartbeat(term: number, commitIndex = 0): Message {
  return { kind: "heartbeat", term, commitIndex, round: 0 };
}

/** A request for a vote by a log that ends at `last`, (index, term). */
export function voteRequest(
  term: number,
  last: readonly [number, number],
  preVote = false,
): Message {
  const [lastIndex, lastTerm] = last;
  return { kind: "voteRequest", term, preVote, transfer: false, lastIndex, lastTerm, ...NO_COMMIT };
}

/** A vote given. */
export function grant(term: number, preVote: boolean): Message {
  return { kind: "voteResponse", term, preVote, granted: true, ...NO_COMMIT };
}

/** Member 1 as leader of term 1, with the empty entry on its own disk and on 2's. */
export function leaderOfThree(start: Start = {}): Subject {
  const subject = new Subject(start);
  const term = (start.term ?? 0) + 1;
  subject.tick(20);
  subject.hear(2n, grant(term, true));
  subject.step({ kind: "persisted", sequence: 1 });
  subject.hear(2n, grant(term, false));
  const { lastIndex } = subject.raft.status();
  subject.step({ kind: "persisted", sequence: 2 });
  subject.hear(2n, { kind: "appendAccepted", term, matchIndex: lastIndex });
  subject.hear(3n, { kind: "appendAccepted", term, matchIndex: lastIndex });
  assert.equal(subject.raft.status().role, "leader");
  assert.equal(subject.raft.status().commitIndex, lastIndex);
  return subject;
}
