import type { ApplyResult } from "../../../src/apply-worker/core/machine-context.js";
import type { StateMachine } from "../../../src/apply-worker/core/state-machine.js";
import {
  CompactionRequest,
  LeaseRevokeRequest,
  type Member,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { EntryKind } from "../../../src/shared/messages/entry.js";
import { keyString } from "../../../src/shared/mvcc/key-string.js";
import type { Change } from "../../../src/shared/mvcc/types.js";
import { copyChange } from "../../store/support/map-base.js";
import type { AppliedEntry } from "../member/checked-machine.js";
import type { StoreContent } from "../member/store-content.js";
import { promise } from "../world/failure.js";
import { hashBytes, hashNumber } from "./hash-bytes.js";

/** What one revision changed. */
export interface TrueRevision {
  readonly main: number;
  readonly changes: readonly Change[];
}

/**
 * The one history of the replicated store, as the first member that applied each entry wrote it; every other
 * member must do the same with the same entry (state machine equality).
 */
export class Truth {
  /** Hash of everything up to an index, by index. */
  readonly #hashes: number[] = [0];
  /** What became of each entry, by index. */
  readonly #results: (ApplyResult | undefined)[] = [undefined];
  /** By main revision; the first is 2. */
  readonly revisions: (TrueRevision | undefined)[] = [undefined, undefined];
  readonly #byKey = new Map<string, Change[]>();
  /** By member: hash of what it has applied. */
  readonly #memberHashes = new Map<bigint, { index: number; hash: number }>();
  /** The members after each change of the membership. */
  readonly #memberships: { readonly index: number; readonly members: readonly Member[] }[] = [];
  /** Highest compacted revision. */
  compactRevision = -1;
  /** Hears of leases that are revoked, when the first member revokes them. */
  onRevoked: (leaseId: bigint, index: number) => void = () => {};

  /** Entries applied by somebody. */
  get appliedIndex(): number {
    return this.#hashes.length - 1;
  }

  /** The newest revision of any member. */
  get revision(): number {
    return this.revisions.length - 1;
  }

  /** A member's process begins. */
  started(id: bigint): void {
    this.#memberHashes.delete(id);
  }

  /** A member's machine begins at what its store holds. Whether it had one before: then a snapshot came. */
  restored(id: bigint, machine: StateMachine, content: StoreContent): boolean {
    const index = machine.appliedIndex;
    const hash = this.#hashes[index];
    this.#isOfHistory(id, content);
    promise(
      hash !== undefined,
      "state machine equality",
      () => `member ${id} has applied entry ${index}, the newest known is ${this.appliedIndex}`,
    );
    const isSnapshot = this.#memberHashes.has(id);
    this.#memberHashes.set(id, { index, hash });
    return isSnapshot;
  }

  /** A member has applied an entry. */
  applied(id: bigint, applied: AppliedEntry, machine: StateMachine): void {
    const { index } = applied.entry;
    const member = this.#memberHashes.get(id);
    promise(
      member?.index === index - 1,
      "state machine equality",
      () => `member ${id} applies entry ${index} after ${member?.index}`,
    );
    const isFirst = index === this.#hashes.length;
    const hash = this.#fingerprint(applied, member.hash, isFirst);
    if (isFirst) {
      this.#hashes.push(hash);
      this.#results.push(applied.result);
      this.#note(applied);
      if (applied.entry.kind === EntryKind.confChange)
        this.#memberships.push({ index, members: machine.members.all() });
    }
    promise(
      this.#hashes[index] === hash,
      "state machine equality",
      () =>
        `member ${id} makes another state of entry ${index} than the first that applied it: ` +
        `${describe(applied)}, it was ${describeResult(this.#results[index])}`,
    );
    this.#memberHashes.set(id, { index, hash });
  }

  /** A store on disk holds the history up to its revision, but for what is compacted. */
  #isOfHistory(id: bigint, content: StoreContent): void {
    const { revision, compactRevision } = content.state;
    let main = 1;
    let sub = 0;
    for (const change of content.changes) {
      const known = this.revisions[change.main]?.changes[change.sub];
      const isSame = known !== undefined && Buffer.compare(known.keyValue, change.keyValue) === 0;
      const isNext =
        change.main === main
          ? change.sub === sub + 1
          : change.main === main + 1 && change.sub === 0;
      promise(
        isSame && (isNext || change.main <= compactRevision + 1),
        "state machine equality",
        () =>
          `the store of member ${id} holds ${change.main}.${change.sub} after ${main}.${sub}, which is not the history`,
      );
      main = change.main;
      sub = change.sub;
    }
    promise(
      main === revision || main <= compactRevision,
      "state machine equality",
      () => `the store of member ${id} ends at ${main}, it says ${revision}`,
    );
  }

  /** What became of an entry. */
  resultAt(index: number): ApplyResult | undefined {
    return this.#results[index];
  }

  /** The members after the newest change of the membership. */
  get members(): readonly Member[] {
    return this.#memberships.at(-1)?.members ?? [];
  }

  /** Who may vote once the entry at an index is applied. */
  votersAt(index: number): readonly bigint[] {
    const found = this.#memberships.findLast((membership) => membership.index <= index);
    const voters = (found?.members ?? []).filter(({ isLearner }) => !isLearner);
    return voters.map(({ ID }) => ID);
  }

  /** Changes of the membership. */
  get changes(): number {
    return this.#memberships.length;
  }

  /** How far a member has applied. */
  appliedBy(id: bigint): number {
    return this.#memberHashes.get(id)?.index ?? 0;
  }

  /** A key as it was at a revision; undefined when it did not exist. */
  keyAt(key: string, revision: number): Change | undefined {
    const history = this.#byKey.get(key) ?? [];
    const found = history.findLast((change) => change.main <= revision);
    return found?.tombstone === true ? undefined : found;
  }

  /** All keys that were ever written, ascending. */
  keys(): string[] {
    return [...this.#byKey.keys()].sort();
  }

  #fingerprint(
    { entry, result, forEachChange }: AppliedEntry,
    start: number,
    keep: boolean,
  ): number {
    let hash = start;
    for (const number of [entry.index, entry.term, entry.kind, result.code, result.revision]) {
      hash = hashNumber(number, hash);
    }
    hash = hashBytes(result.body, hash);
    forEachChange((change) => {
      hash = hashNumber(change.main, hash);
      hash = hashNumber(change.sub, hash);
      hash = hashBytes(change.keyValue, hash);
      if (keep) this.#keep(copyChange(change));
    });
    return hash;
  }

  #keep(change: Change): void {
    const text = keyString(change.key);
    const history = this.#byKey.get(text);
    if (history === undefined) this.#byKey.set(text, [change]);
    else history.push(change);
    const known = this.revisions[change.main];
    if (known !== undefined) {
      (known.changes as Change[]).push(change);
      return;
    }
    promise(
      change.main === this.revisions.length,
      "revisions have no gap",
      () => `revision ${change.main} follows ${this.revision}`,
    );
    this.revisions.push({ main: change.main, changes: [change] });
  }

  #note({ entry, result }: AppliedEntry): void {
    if (result.code !== 0) return;
    if (entry.kind === EntryKind.leaseRevoke) {
      this.onRevoked(LeaseRevokeRequest.decode(entry.payload).ID, entry.index);
    } else if (entry.kind === EntryKind.compact) {
      this.compactRevision = Number(CompactionRequest.decode(entry.payload).revision);
    }
  }
}

function describe({ entry, result, forEachChange }: AppliedEntry): string {
  const changes: string[] = [];
  forEachChange(({ main, sub, keyValue }) => {
    changes.push(`${main}.${sub} ${Buffer.from(keyValue).toString("hex")}`);
  });
  return `kind ${entry.kind}, ${describeResult(result)}, changes [${changes.join(", ")}]`;
}

function describeResult(result: ApplyResult | undefined): string {
  if (result === undefined) return "nothing";
  const { code, revision, body } = result;
  return `code ${code}, revision ${revision}, body ${Buffer.from(body).toString("hex")}`;
}
