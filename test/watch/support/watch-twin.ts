import assert from "node:assert/strict";
import {
  WatchCreateRequest_FilterType as Filter,
  type WatchCreateRequest,
  type WatchResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import {
  type Event,
  Event_EventType as EventType,
  KeyValue,
} from "../../../src/shared/gen/mvccpb/kv.js";
import { text } from "../../mvcc/support/keys.js";
import { byteOrder, inRange, stored, type Twin, type TwinChange } from "../../mvcc/support/twin.js";
import type { FakeCall } from "./fake-call.js";
import { cancel, line, PROGRESS } from "./rig.js";

/** What a client knows of one of its watchers. */
interface Watched {
  readonly request: WatchCreateRequest;
  /** No event below is to come any more. */
  next: number;
  over: boolean;
}

type Answer =
  | { readonly kind: "created"; readonly id: bigint; readonly request: WatchCreateRequest }
  | { readonly kind: "refused"; readonly reason: string }
  | { readonly kind: "canceled"; readonly id: bigint };

/** What the client may look up: the whole history, and how far it is compacted for readers. */
export interface History {
  readonly twin: Twin;
  readonly compactRevision: () => number;
  readonly revision: () => number;
}

/**
 * A client that checks every response against the whole history, by walking it from the beginning: the watch
 * guarantees G-07 to G-12 and the items of section 8 that a client can see.
 */
export class CheckingClient {
  readonly call: FakeCall;
  readonly #history: History;
  readonly #answers: Answer[] = [];
  readonly #watched = new Map<bigint, Watched>();
  readonly #usedIds = new Set<bigint>();
  #nextAutoId = 0n;
  #progressAsked = 0;
  #progressSeen = 0;
  #fragments: WatchResponse[] = [];
  events = 0;
  compacted = 0;

  constructor(call: FakeCall, history: History) {
    this.call = call;
    this.#history = history;
  }

  get progressSeen(): number {
    return this.#progressSeen;
  }

  create(request: WatchCreateRequest): void {
    this.#answers.push(this.#expectCreate(request));
    this.call.send({ $case: "createRequest", value: request });
  }

  /** Cancels the n-th id in use, if any, or one that is not. */
  cancel(n: number): void {
    const id = [...this.#usedIds][n % (this.#usedIds.size + 1)] ?? 99n;
    if (this.#usedIds.delete(id)) this.#answers.push({ kind: "canceled", id });
    this.call.send(cancel(id));
  }

  askProgress(): void {
    this.#progressAsked += 1;
    this.call.send(PROGRESS);
  }

  take(count?: number): void {
    for (const response of this.call.take(count)) this.#check(response);
  }

  /** Everything that was published has been settled and taken: nothing may be missing. */
  checkComplete(): void {
    assert.deepEqual(this.#answers, [], "answers that never came");
    assert.deepEqual(this.#fragments, []);
    for (const watched of this.#watched.values()) {
      const missing = watched.over ? [] : this.#expected(watched, this.#history.revision());
      assert.deepEqual(
        missing.filter((one) => !this.#mayBeMissing(one)),
        [],
      );
    }
  }

  /** Whether a progress request must be answered when everything is settled (W-52, W-53). */
  get isSynced(): boolean {
    const revision = this.#history.revision();
    const all = [...this.#watched.values()];
    return (
      all.length > 0 &&
      all.every(({ request, over }) => !over && Number(request.startRevision) <= revision)
    );
  }

  #expectCreate(request: WatchCreateRequest): Answer {
    const { startRevision, watchId } = request;
    const key = text(request.key) || "\0";
    const end = text(request.rangeEnd);
    if (startRevision < 0n) {
      return {
        kind: "refused",
        reason: "etcdserver: mvcc: required revision has been compacted",
      };
    }
    if (end !== "" && end !== "\0" && byteOrder(key, end) >= 0) {
      return { kind: "refused", reason: "mvcc: watcher range is empty" };
    }
    if (watchId !== 0n && this.#usedIds.has(watchId)) {
      const reason = "mvcc: duplicate watch ID provided on the WatchStream";
      return { kind: "refused", reason };
    }
    let id = watchId;
    if (id === 0n) {
      while (this.#usedIds.has(this.#nextAutoId)) this.#nextAutoId += 1n;
      id = this.#nextAutoId;
      this.#nextAutoId += 1n;
    }
    this.#usedIds.add(id);
    return { kind: "created", id, request };
  }

  #check(response: WatchResponse): void {
    const { watchId, created, canceled, compactRevision, events } = response;
    if (created || (canceled && compactRevision === 0n)) this.#checkAnswer(response);
    else if (canceled) this.#checkCompacted(response);
    else if (events.length > 0) this.#gather(response);
    else if (watchId === -1n) this.#checkStreamProgress(response);
    else this.#checkProgress(watchId, response);
  }

  #checkAnswer(response: WatchResponse): void {
    const answer = this.#answers.shift();
    assert.ok(answer !== undefined, `unexpected ${line(response)}`);
    const revision = Number(response.header?.revision);
    assert.ok(revision <= this.#history.revision());
    if (answer.kind === "refused") {
      assert.equal(line(response), `-1@${revision} created canceled "${answer.reason}"`);
    } else if (answer.kind === "canceled") {
      assert.equal(line(response), `${answer.id}@${revision} canceled`);
      this.#watched.delete(answer.id);
    } else {
      assert.equal(line(response), `${answer.id}@${revision} created`);
      const start = Number(answer.request.startRevision);
      const next = start === 0 ? revision + 1 : start;
      this.#watched.set(answer.id, { request: answer.request, next, over: false });
    }
  }

  /** W-30. */
  #checkCompacted(response: WatchResponse): void {
    const watched = this.#live(response);
    const { watchId, compactRevision } = response;
    assert.equal(line(response), `${watchId}@0 canceled compact ${compactRevision}`);
    assert.ok(watched.next < compactRevision, "a watcher past the compaction was cancelled");
    assert.ok(compactRevision <= this.#history.compactRevision());
    watched.over = true;
    this.compacted += 1;
  }

  #gather(response: WatchResponse): void {
    this.#fragments.push(response);
    if (response.fragment) return;
    const parts = this.#fragments;
    this.#fragments = [];
    for (const part of parts) {
      assert.equal(part.watchId, response.watchId);
      assert.deepEqual(part.header, response.header);
    }
    const watched = this.#live(response);
    assert.ok(parts.length === 1 || watched.request.fragment);
    this.#checkEvents(
      watched,
      Number(response.header?.revision),
      parts.flatMap(({ events }) => events),
    );
  }

  /** Ordered, unique, reliable, atomic: exactly the next changes of the history (G-07 to G-10). */
  #checkEvents(watched: Watched, revision: number, events: readonly Event[]): void {
    const expected = this.#expected(watched, Number.POSITIVE_INFINITY);
    let at = 0;
    for (const event of events) {
      const modRevision = Number(event.kv?.modRevision);
      while (at < expected.length && !matches(event, expected[at]!)) {
        assert.ok(this.#mayBeMissing(expected[at]!), `event missing before ${modRevision}`);
        at += 1;
      }
      const change = expected[at];
      assert.ok(change !== undefined, `event at ${modRevision} is not in the history`);
      this.#checkPrevious(watched.request, change, event);
      at += 1;
    }
    const last = expected[at - 1];
    assert.ok(last !== undefined && last.main <= revision && revision <= this.#history.revision());
    const rest = expected.slice(at).filter((one) => !this.#mayBeMissing(one));
    assert.notEqual(rest[0]?.main, last.main, "a revision was split");
    watched.next = last.main + 1;
    this.events += events.length;
  }

  /** W-28. */
  #checkPrevious(request: WatchCreateRequest, change: TwinChange, event: Event): void {
    const isCreate = !change.tombstone && change.create === change.main;
    const before = this.#history.twin.at(change.key, change.main - 1);
    if (!request.prevKv || isCreate || before === undefined) {
      assert.equal(event.prevKv, undefined);
    } else if (event.prevKv === undefined) {
      assert.ok(change.main - 1 < this.#history.compactRevision(), "prev_kv is missing");
    } else {
      assert.deepEqual(KeyValue.encode(event.prevKv).finish(), stored(before));
    }
  }

  /** W-51, W-52, G-12. */
  #checkStreamProgress(response: WatchResponse): void {
    const revision = Number(response.header?.revision);
    this.#progressSeen += 1;
    assert.ok(this.#progressSeen <= this.#progressAsked, "progress that nobody asked for");
    assert.equal(line(response), `-1@${revision}`);
    assert.ok(this.#watched.size > 0);
    for (const watched of this.#watched.values()) this.#checkPromise(watched, revision);
  }

  #checkProgress(watchId: bigint, response: WatchResponse): void {
    const watched = this.#live(response);
    const revision = Number(response.header?.revision);
    assert.equal(line(response), `${watchId}@${revision}`);
    assert.ok(watched.request.progressNotify);
    this.#checkPromise(watched, revision);
  }

  #checkPromise(watched: Watched, revision: number): void {
    assert.equal(watched.over, false);
    assert.ok(revision <= this.#history.revision());
    assert.ok(Number(watched.request.startRevision) <= revision, "progress before the start");
    assert.ok(watched.next - 1 <= revision, "a step back");
    const due = this.#expected(watched, revision).filter((one) => !this.#mayBeMissing(one));
    assert.deepEqual(due, [], "progress overtook an event");
    watched.next = Math.max(watched.next, revision + 1);
  }

  #live({ watchId }: WatchResponse): Watched {
    const watched = this.#watched.get(watchId);
    assert.ok(watched !== undefined && !watched.over, `nothing may come for watcher ${watchId}`);
    return watched;
  }

  /** The changes that the watcher is still to be told of, up to a revision. */
  #expected({ request, next }: Watched, revision: number): TwinChange[] {
    const key = text(request.key) || "\0";
    const end = text(request.rangeEnd);
    const noPut = request.filters.includes(Filter.NOPUT);
    const noDelete = request.filters.includes(Filter.NODELETE);
    return this.#history.twin.changes.filter(
      (one) =>
        one.main >= next &&
        one.main <= revision &&
        inRange(one.key, key, end) &&
        !(one.tombstone ? noDelete : noPut),
    );
  }

  /** Compaction removes what its own revision has overwritten (C-06). */
  #mayBeMissing({ main, sub, key }: TwinChange): boolean {
    return (
      main <= this.#history.compactRevision() &&
      this.#history.twin.changes.some(
        (one) => one.key === key && one.main === main && one.sub > sub,
      )
    );
  }
}

/** Whether an event is of this change, field by field (W-24, W-25). */
function matches(event: Event, change: TwinChange): boolean {
  if ((event.type === EventType.DELETE) !== change.tombstone) return false;
  const expected = KeyValue.decode(stored(change));
  const { kv } = event;
  return (
    kv !== undefined &&
    text(kv.key) === change.key &&
    text(kv.value) === change.value &&
    kv.modRevision === BigInt(change.main) &&
    kv.createRevision === expected.createRevision &&
    kv.version === expected.version &&
    kv.lease === expected.lease
  );
}
