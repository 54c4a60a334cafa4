import assert from "node:assert/strict";
import { type Event, Event_EventType, type KeyValue } from "../../../src/shared/gen/mvccpb/kv.js";
import { describeValue, operationIn } from "./value.js";

/** What an operation does to one key. Values follow from the operation's id (value.ts). */
export type Change =
  | { readonly kind: "put"; readonly key: string; readonly bytes: number; readonly lease: bigint }
  | { readonly kind: "delete"; readonly key: string };

/** A write that was sent, and everything that it may come to: one of the outcomes, whole, or nothing. */
export interface Operation {
  readonly id: number;
  /** Changes in the order of their events; an empty row changes nothing. */
  readonly outcomes: readonly (readonly Change[])[];
  /** The lease that ends with it. */
  readonly revokes?: bigint;
}

interface KeyState {
  readonly value: string;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly lease: bigint;
}

interface Acknowledged {
  readonly operation: Operation;
  readonly outcome: number;
}

/** How many writes in flight at an end turned out to be done, or not. */
export interface Settled {
  readonly happened: number;
  readonly vanished: number;
}

const EMPTY_STORE_REVISION = 1;

/**
 * What the clients know of the store: writes that were acknowledged, with their revisions; writes in
 * flight, which may or may not have happened; and the history as the server told it, revision by
 * revision, each held against those. Fails by assertion, naming the revision.
 */
export class Oracle {
  /** Revision -> its events, described. Revisions 0 and 1 have none. */
  readonly #history: (readonly string[])[] = [[], []];
  readonly #state = new Map<string, KeyState>();
  readonly #acknowledged = new Map<number, Acknowledged>();
  readonly #unknown = new Map<number, Operation>();
  readonly #happened = new Set<number>();
  readonly #heldLeases = new Set<bigint>();
  readonly #unsureLeases = new Set<bigint>();
  readonly #endedLeases = new Set<bigint>();
  #highest = EMPTY_STORE_REVISION;
  #lastId = 0;
  #happenedOfUnknown = 0;

  /** A number that no operation and no lease had. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }

  /** Highest revision that any answer named. */
  get highestRevision(): number {
    return this.#highest;
  }

  /** The last revision of the history that was read and checked. */
  get checkedRevision(): number {
    return this.#history.length - 1;
  }

  /** Writes that were acknowledged so far. */
  get acknowledgedCount(): number {
    return this.#acknowledged.size;
  }

  /** Notes that an operation is on its way. Gives the revision that its answer must not be below. */
  begin(operation: Operation): number {
    this.#unknown.set(operation.id, operation);
    if (operation.revokes !== undefined) {
      this.#heldLeases.delete(operation.revokes);
      this.#unsureLeases.add(operation.revokes);
    }
    return this.#highest;
  }

  /** Takes an answer: the revision in its header, which outcome, and what `begin` gave. */
  acknowledge(operation: Operation, answer: Answer): void {
    const { revision, outcome, floor } = answer;
    const changes = operation.outcomes[outcome];
    assert.ok(changes !== undefined, `operation ${operation.id} has no outcome ${outcome}`);
    this.observe(revision, floor);
    this.#unknown.delete(operation.id);
    if (operation.revokes !== undefined) this.#leaseEnded(operation.revokes);
    if (changes.length === 0) return;
    assert.ok(revision > floor, `revision ${revision} was given again: ${floor} was out before`);
    const other = this.#acknowledged.get(revision);
    assert.equal(other?.operation.id, undefined, `revision ${revision} was given twice`);
    this.#acknowledged.set(revision, { operation, outcome });
  }

  /** Takes the revision of a read that began when the highest revision was `floor`. */
  observe(revision: number, floor: number): void {
    assert.ok(revision >= floor, `revision went back: ${revision} after ${floor}`);
    this.#highest = Math.max(this.#highest, revision);
  }

  /** Notes that a lease was asked for. */
  beginGrant(lease: bigint): void {
    this.#unsureLeases.add(lease);
  }

  /** Notes that a lease was granted. */
  granted(lease: bigint): void {
    this.#unsureLeases.delete(lease);
    this.#heldLeases.add(lease);
  }

  /** Takes the next revision of the server's history: its events, with prev_kv. */
  admit(revision: number, events: readonly Event[]): void {
    assert.equal(revision, this.#history.length, "history has a gap or a double");
    const lines = events.map(describeEvent);
    const { operation, outcome } = this.#operationAt(revision, events, lines);
    const expected = (operation.outcomes[outcome] ?? []).map((change) =>
      this.#lineAfter(operation.id, revision, change),
    );
    assert.deepEqual(lines, expected, `revision ${revision} is not what operation wrote`);
    for (const event of events) this.#checkPrevious(event);
    this.#history.push(lines);
    this.#unknown.delete(operation.id);
    this.#happened.add(operation.id);
    if (operation.revokes !== undefined) this.#leaseEnded(operation.revokes);
    for (const change of operation.outcomes[outcome] ?? []) {
      this.#change(operation.id, revision, change);
    }
  }

  /**
   * Called when the history was read to its end after a restart: nothing acknowledged may be missing.
   * What was in flight and did not happen must never happen from now on.
   */
  settle(): Settled {
    const missing = this.#highest - this.checkedRevision;
    assert.ok(missing <= 0, `${missing} revisions that were answered are gone`);
    const settled = { happened: this.#happenedOfUnknown, vanished: this.#unknown.size };
    this.#unknown.clear();
    this.#happenedOfUnknown = 0;
    return settled;
  }

  /** The events of a checked revision, described as `describeEvent` does. */
  linesAt(revision: number): readonly string[] {
    const lines = this.#history[revision];
    assert.ok(lines !== undefined, `revision ${revision} was not checked yet`);
    return lines;
  }

  /** Every key as the checked history leaves it, described as `describeKeyValue` does, in key order. */
  stateLines(): string[] {
    return [...this.#state.keys()].sort().map((key) => this.#stateLine(key) ?? "");
  }

  /** Keys there are, with this prefix. */
  keysWith(prefix: string): string[] {
    return [...this.#state.keys()].filter((key) => key.startsWith(prefix)).sort();
  }

  /** The lease of a key; undefined without one. */
  leaseOf(key: string): bigint | undefined {
    const lease = this.#state.get(key)?.lease ?? 0n;
    return lease === 0n ? undefined : lease;
  }

  /** The keys attached to a lease, in order. */
  keysOf(lease: bigint): string[] {
    return [...this.#state]
      .filter(([, state]) => state.lease === lease)
      .map(([key]) => key)
      .sort();
  }

  /** Leases that were granted for sure and not revoked. */
  get heldLeases(): readonly bigint[] {
    return [...this.#heldLeases];
  }

  /** Compares the server's leases with what was granted and revoked; settles those in flight. */
  checkLeases(present: ReadonlySet<bigint>): void {
    const lost = [...this.#heldLeases].filter((lease) => !present.has(lease));
    assert.deepEqual(lost, [], "granted leases are gone");
    const back = [...this.#endedLeases].filter((lease) => present.has(lease));
    assert.deepEqual(back, [], "revoked leases are back");
    const attached = new Set([...this.#state.values()].map(({ lease }) => lease));
    const dangling = [...attached].filter((lease) => lease !== 0n && !present.has(lease));
    assert.deepEqual(dangling, [], "keys outlived their leases");
    for (const lease of this.#unsureLeases) {
      if (present.has(lease)) this.#heldLeases.add(lease);
      else this.#endedLeases.add(lease);
    }
    this.#unsureLeases.clear();
  }

  #operationAt(revision: number, events: readonly Event[], lines: readonly string[]): Acknowledged {
    const acknowledged = this.#acknowledged.get(revision);
    if (acknowledged !== undefined) return acknowledged;
    const id = events
      .filter(({ type }) => type === Event_EventType.PUT)
      .map(({ kv }) => operationIn(describeValue(kv?.value ?? new Uint8Array())))[0];
    const candidates = id === undefined ? [...this.#unknown.values()] : [this.#unknown.get(id)];
    for (const operation of candidates) {
      const outcome = (operation?.outcomes ?? []).findIndex(
        (changes) => this.#linesAfter(operation?.id ?? 0, revision, changes) === lines.join("\n"),
      );
      if (operation !== undefined && outcome >= 0) {
        this.#happenedOfUnknown += 1;
        return { operation, outcome };
      }
    }
    const story = id !== undefined && this.#happened.has(id) ? "happened before" : "is nobody's";
    assert.fail(`revision ${revision} ${story}, or is half a transaction: ${lines.join("; ")}`);
  }

  #linesAfter(id: number, revision: number, changes: readonly Change[]): string {
    return changes.map((change) => this.#lineAfter(id, revision, change)).join("\n");
  }

  #lineAfter(id: number, revision: number, change: Change): string {
    if (change.kind === "delete") return `delete ${change.key} mod=${revision}`;
    return `put ${stateLine(change.key, this.#stateAfter(id, revision, change))}`;
  }

  #stateAfter(id: number, revision: number, change: Extract<Change, { kind: "put" }>): KeyState {
    const previous = this.#state.get(change.key);
    return {
      value: `${id}:${change.bytes}`,
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0) + 1,
      lease: change.lease,
    };
  }

  #change(id: number, revision: number, change: Change): void {
    if (change.kind === "delete") this.#state.delete(change.key);
    else this.#state.set(change.key, this.#stateAfter(id, revision, change));
  }

  #checkPrevious(event: Event): void {
    const key = Buffer.from(event.kv?.key ?? []).toString();
    const told = event.prevKv === undefined ? undefined : describeKeyValue(event.prevKv);
    assert.equal(told, this.#stateLine(key), `prev_kv of ${describeEvent(event)}`);
  }

  #stateLine(key: string): string | undefined {
    const state = this.#state.get(key);
    return state === undefined ? undefined : stateLine(key, state);
  }

  #leaseEnded(lease: bigint): void {
    this.#heldLeases.delete(lease);
    this.#unsureLeases.delete(lease);
    this.#endedLeases.add(lease);
  }
}

/** What a client was told about its write. */
export interface Answer {
  readonly revision: number;
  /** Index into the operation's outcomes. */
  readonly outcome: number;
  /** What `begin` gave. */
  readonly floor: number;
}

function stateLine(key: string, state: KeyState): string {
  const { value, modRevision, createRevision, version, lease } = state;
  return `${key} value=${value} mod=${modRevision} create=${createRevision} version=${version} lease=${lease}`;
}

/** One line that says everything about a key-value. */
export function describeKeyValue(kv: KeyValue): string {
  return stateLine(Buffer.from(kv.key).toString(), {
    value: describeValue(kv.value),
    createRevision: Number(kv.createRevision),
    modRevision: Number(kv.modRevision),
    version: Number(kv.version),
    lease: kv.lease,
  });
}

/** One line that says everything about an event, its prev_kv aside. */
export function describeEvent(event: Event): string {
  const { kv } = event;
  assert.ok(kv !== undefined, "event without kv");
  if (event.type === Event_EventType.PUT) return `put ${describeKeyValue(kv)}`;
  return `delete ${Buffer.from(kv.key).toString()} mod=${kv.modRevision}`;
}
