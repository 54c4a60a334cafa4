import type { WatchResponse } from "../../../src/shared/gen/etcdserverpb/rpc.js";
import {
  type Event,
  Event_EventType as EventType,
  KeyValue,
} from "../../../src/shared/gen/mvccpb/kv.js";
import { keyString } from "../../../src/shared/mvcc/key-string.js";
import type { Change } from "../../../src/shared/mvcc/types.js";
import { promise } from "../world/failure.js";
import type { Truth } from "./truth.js";

/** What a watcher asked for. */
export interface WatchSpec {
  /** Latin1; with `end` empty one key. */
  readonly key: string;
  readonly end: string;
  readonly prevKv: boolean;
  readonly noPut: boolean;
  readonly noDelete: boolean;
}

/**
 * One watcher against the true history. Everything of its range that lies between two deliveries must have
 * been nothing: so the events are ordered, unique, reliable and atomic, a resumed watch goes on where it
 * broke off, and a bookmark says that there is nothing before it (etcd's watch promises).
 */
export class WatchCheck {
  readonly #truth: Truth;
  readonly #spec: WatchSpec;
  readonly #name: string;
  /** Everything up to this revision was delivered; undefined before the watch was created. */
  #cursor: number | undefined;
  events = 0;

  constructor(truth: Truth, name: string, spec: WatchSpec) {
    this.#truth = truth;
    this.#name = name;
    this.#spec = spec;
  }

  /** Where to go on after a break; 0 to begin with what comes. */
  get resumeRevision(): number {
    return this.#cursor === undefined ? 0 : this.#cursor + 1;
  }

  /** The watch was created at a header revision, from a start revision or from now. */
  created(headerRevision: number, startRevision: number): void {
    if (startRevision === 0) this.#cursor ??= headerRevision;
    else this.#cursor ??= startRevision - 1;
  }

  /** The watch was cancelled: what it wanted was compacted. It may go on from there. */
  compacted(compactRevision: number): void {
    const next = this.resumeRevision;
    promise(
      next < compactRevision && compactRevision <= this.#truth.compactRevision,
      "watches are reliable",
      () => `${this.#name} at ${next} was cancelled with compact revision ${compactRevision}`,
    );
    this.#cursor = compactRevision - 1;
  }

  /** A response with events, or a bookmark. */
  response(response: WatchResponse): void {
    const groups = byRevision(response.events);
    for (const [main, events] of groups) this.#group(main, events);
    if (response.events.length > 0) return;
    const revision = Number(response.header?.revision ?? 0n);
    this.#nothingUntil(revision, "a bookmark");
    this.#cursor = Math.max(this.#cursor ?? 0, revision);
  }

  /** Nothing may be missing up to here. */
  completeTo(revision: number): boolean {
    return this.#firstBetween(this.resumeRevision, revision) === undefined;
  }

  #group(main: number, events: readonly Event[]): void {
    const cursor = this.#cursor ?? 0;
    promise(
      main > cursor,
      "watches are ordered",
      () => `${this.#name} got revision ${main} after everything up to ${cursor}`,
    );
    this.#nothingUntil(main - 1, `revision ${main}`);
    const expected = (this.#truth.revisions[main]?.changes ?? []).filter((change) =>
      this.#wants(change),
    );
    promise(
      events.length === expected.length,
      "watches are atomic",
      () => `${this.#name} got ${events.length} of ${expected.length} events of revision ${main}`,
    );
    for (const [at, event] of events.entries()) this.#event(event, expected[at]!);
    this.#cursor = main;
    this.events += events.length;
  }

  #event(event: Event, change: Change): void {
    const isDelete = event.type === EventType.DELETE;
    const isSame =
      isDelete === change.tombstone &&
      keyString(event.kv?.key ?? new Uint8Array(0)) === keyString(change.key) &&
      (isDelete || sameKeyValue(event.kv, change.keyValue));
    promise(
      isSame,
      "watches are of the history",
      () => `${this.#name} got another event than revision ${change.main}.${change.sub}`,
    );
    if (!this.#spec.prevKv) {
      promise(
        event.prevKv === undefined,
        "prev_kv is right",
        () => `${this.#name} did not ask for it`,
      );
      return;
    }
    const before = this.#truth.keyAt(keyString(change.key), change.main - 1);
    // What was before a compaction need not be known any more.
    const mayLack = change.main - 1 < this.#truth.compactRevision;
    if (event.prevKv === undefined && mayLack) return;
    const isRight =
      before === undefined
        ? event.prevKv === undefined
        : sameKeyValue(event.prevKv, before.keyValue);
    promise(
      isRight,
      "prev_kv is right",
      () => `${this.#name} at revision ${change.main}.${change.sub}`,
    );
  }

  #nothingUntil(revision: number, what: string): void {
    const missed = this.#firstBetween(this.resumeRevision, revision);
    promise(
      missed === undefined,
      "watches are reliable",
      () => `${this.#name} got ${what}, but not ${missed}`,
    );
  }

  #firstBetween(from: number, to: number): number | undefined {
    for (let main = from; main <= to; main += 1) {
      if (this.#truth.revisions[main]?.changes.some((change) => this.#wants(change))) return main;
    }
    return undefined;
  }

  #wants(change: Change): boolean {
    const { key, end, noPut, noDelete } = this.#spec;
    if (change.tombstone ? noDelete : noPut) return false;
    const text = keyString(change.key);
    return end === "" ? text === key : text >= key && (end === "\0" || text < end);
  }
}

function byRevision(events: readonly Event[]): [number, Event[]][] {
  const groups: [number, Event[]][] = [];
  for (const event of events) {
    const main = Number(event.kv?.modRevision ?? 0n);
    const last = groups.at(-1);
    if (last?.[0] === main) last[1].push(event);
    else groups.push([main, [event]]);
  }
  return groups;
}

function sameKeyValue(told: KeyValue | undefined, stored: Uint8Array): boolean {
  return told !== undefined && Buffer.compare(KeyValue.encode(told).finish(), stored) === 0;
}
