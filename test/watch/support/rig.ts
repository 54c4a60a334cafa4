import { HeaderEncoder } from "../../../src/main/services/response-header.js";
import { WatchHub, type WatchLimits } from "../../../src/main/watch/watch-hub.js";
import type { ErrorCode } from "../../../src/shared/errors.js";
import {
  WatchCreateRequest,
  type WatchResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { Event_EventType as EventType, type KeyValue } from "../../../src/shared/gen/mvccpb/kv.js";
import { keyBounds } from "../../../src/shared/mvcc/range-bounds.js";
import { bytes, text } from "../../mvcc/support/keys.js";
import { World } from "../../mvcc/support/world.js";
import { FakeCall } from "./fake-call.js";

export const CLUSTER_ID = 0xfedc_ba98_7654_3210n;
export const MEMBER_ID = 7n;

/** What a test may set. */
export interface RigOptions {
  readonly fragmentBytes?: number;
  readonly progressIntervalMs?: number;
  readonly limits?: Partial<WatchLimits>;
  readonly refusal?: () => ErrorCode | 0;
  /** Milliseconds that pass at each look at the clock. */
  readonly msPerLook?: number;
}

/** The options of a create that a test may give, keys as latin1. */
export type CreateOptions = Partial<Omit<WatchCreateRequest, "key" | "rangeEnd">> & {
  readonly end?: string;
};

/** A hub over a real view, with the apply side in the same thread and a clock that the test moves. */
export class Rig {
  readonly world = new World(1);
  readonly frontend = this.world.frontends[0]!;
  readonly view = this.frontend.view;
  readonly hub: WatchHub;
  nowMs = 0;
  wakes = 0;

  constructor(options: RigOptions = {}) {
    this.hub = new WatchHub({
      view: this.view,
      header: new HeaderEncoder({ clusterId: CLUSTER_ID, memberId: MEMBER_ID }, () => 3),
      fragmentBytes: options.fragmentBytes ?? 2 * 1024 * 1024,
      progressIntervalMs: options.progressIntervalMs ?? 600_000,
      wake: () => {
        this.wakes += 1;
      },
      nowMs: () => {
        this.nowMs += options.msPerLook ?? 0;
        return this.nowMs;
      },
      random: () => 0,
      ...(options.refusal === undefined ? {} : { refusal: options.refusal }),
      limits: options.limits ?? {},
    });
  }

  open(windowBytes?: number): FakeCall {
    const call = new FakeCall(windowBytes);
    call.receiver = this.hub.open(call);
    return call;
  }

  /** Puts keys in one transaction: "key" or "key=value". */
  put(...pairs: string[]): void {
    const { space } = this.world;
    space.begin(space.view.revision + 1);
    for (const pair of pairs) {
      const [key = "", value = ""] = pair.split("=");
      space.put(bytes(key), bytes(value), 0n);
    }
    space.end();
    this.publish();
  }

  delete(key: string, end = ""): void {
    const { space } = this.world;
    space.begin(space.view.revision + 1);
    space.deleteRange(keyBounds(bytes(key), bytes(end)));
    space.end();
    this.publish();
  }

  /** Deletes and puts the same key in one transaction. */
  replace(key: string, value: string): void {
    const { space } = this.world;
    space.begin(space.view.revision + 1);
    space.deleteRange(keyBounds(bytes(key), bytes("")));
    space.put(bytes(key), bytes(value), 0n);
    space.end();
    this.publish();
  }

  publish(): void {
    this.world.publish();
    this.handle();
  }

  compact(revision: number): void {
    this.world.space.view.setCompactRevision(revision);
    this.publish();
  }

  /** Moves everything into the base, and removes what is compacted there. */
  checkpoint(): void {
    this.world.checkpointBegin();
    this.world.checkpointCommit();
    this.handle();
    this.world.compactBase();
    this.frontend.base.refresh();
    this.world.release();
  }

  /** Handles what the apply side has sent, as a frontend does. */
  handle(count = Number.POSITIVE_INFINITY): void {
    const { frontend, hub, view } = this;
    for (let i = 0; i < count; i += 1) {
      const message = frontend.queue.shift();
      if (message === undefined) return;
      for (const [segment, buffer] of frontend.port.splice(0)) {
        frontend.delta.addSegment(segment, buffer);
      }
      if (message.kind === "published") {
        view.publish(message.state, (change) => hub.onChange(change));
        hub.onPublished();
      } else if (view.checkpointed(message.checkpoint)) {
        frontend.delta.dropBefore(message.checkpoint.position);
        frontend.released = message.checkpoint.position;
      }
    }
  }

  /** A snapshot of the newest state takes the place of the store: what lies between is not shown, only stored. */
  restore(): void {
    const { frontend, hub, view, world } = this;
    world.checkpointBegin();
    const state = frontend.queue.findLast((message) => message.kind === "published")?.state;
    world.checkpointCommit();
    frontend.queue.length = 0;
    for (const [segment, buffer] of frontend.port.splice(0)) {
      frontend.delta.addSegment(segment, buffer);
    }
    const previousRevision = view.revision;
    if (state === undefined || !view.restored(state)) throw new Error("the base is behind");
    hub.onRestored(previousRevision);
    frontend.released = state.end;
    world.compactBase();
    world.release();
  }

  /** Turns the hub until it has nothing to do. */
  settle(turns = 10_000): void {
    this.hub.turn(5);
    for (let i = 0; this.hub.hasWork(); i += 1) {
      if (i >= turns) throw new Error("the hub does not come to rest");
      this.hub.turn(5);
    }
  }

  /** Settles, and takes what a call was sent. */
  take(call: FakeCall): WatchResponse[] {
    this.settle();
    return call.take();
  }
}

/** A create request. */
export function create(key: string, options: CreateOptions = {}): WatchCreateRequestUnion {
  const { end = "", ...rest } = options;
  const value = WatchCreateRequest.fromPartial(rest);
  return {
    $case: "createRequest",
    value: { ...value, key: bytes(key), rangeEnd: bytes(end) },
  };
}

type WatchCreateRequestUnion = {
  readonly $case: "createRequest";
  readonly value: WatchCreateRequest;
};

/** A cancel request. */
export function cancel(watchId: bigint): {
  readonly $case: "cancelRequest";
  readonly value: { readonly watchId: bigint };
} {
  return { $case: "cancelRequest", value: { watchId } };
}

/** A progress request. */
export const PROGRESS = { $case: "progressRequest", value: {} } as const;

/** A response in a line, for comparing: "0@5 put a=1 create 2 mod 5 version 2". */
export function line(response: WatchResponse): string {
  const { watchId, header, created, canceled, compactRevision, cancelReason, fragment, events } =
    response;
  const words = [`${watchId}@${header?.revision}`];
  if (created) words.push("created");
  if (canceled) words.push("canceled");
  if (compactRevision !== 0n) words.push(`compact ${compactRevision}`);
  if (cancelReason !== "") words.push(`"${cancelReason}"`);
  if (fragment) words.push("fragment");
  for (const event of events) {
    const verb = event.type === EventType.DELETE ? "delete" : "put";
    words.push(`${verb} ${pair(event.kv)}`);
    if (event.prevKv !== undefined) words.push(`was ${pair(event.prevKv)}`);
  }
  return words.join(" ");
}

/** Responses as lines. */
export function lines(responses: readonly WatchResponse[]): string[] {
  return responses.map(line);
}

function pair(kv: KeyValue | undefined): string {
  if (kv === undefined) return "nothing";
  return `${text(kv.key)}=${text(kv.value)}/${kv.createRevision}.${kv.modRevision}.${kv.version}`;
}

/** Responses of one watcher, by its id. */
export function byWatchId(responses: readonly WatchResponse[]): (id: bigint) => WatchResponse[] {
  return (id) => responses.filter(({ watchId }) => watchId === id);
}
