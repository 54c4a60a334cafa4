import { setTimeout as delay } from "node:timers/promises";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import {
  KVDefinition,
  RangeRequest,
  WatchCreateRequest_FilterType,
  WatchDefinition,
  WatchRequest,
  type WatchResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { type Event, Event_EventType } from "../../../src/shared/gen/mvccpb/kv.js";
import type { Change } from "../../support/linearizability/history.js";
import type { WatchEntry, WatchRecord } from "../../support/watch-promises/watch-record.js";
import { viewOf } from "./kv-call.js";
import { MemberClient } from "./member-client.js";

const RESUME_PAUSE_MS = 100;
const PROGRESS_PAUSE_MS = 200;
const CALL_TIMEOUT_MS = 2_000;
const NO_BYTES = new Uint8Array();

/** What a watch asks for. */
export type WatchAsk = Pick<
  WatchRecord,
  "key" | "rangeEnd" | "prevKv" | "filters" | "startRevision"
>;

/** One stream's record, while it grows. */
type OpenRecord = WatchRecord & { readonly entries: WatchEntry[] };

/**
 * A watch that goes on through failures: when its stream ends it resumes, behind the last revision that it
 * has, at another member. Each stream is a record of its own.
 */
export class KeptWatch {
  readonly #name: string;
  readonly #ask: WatchAsk;
  readonly #nextTarget: () => string;
  readonly #records: OpenRecord[] = [];
  #seenTo: number | undefined;
  #isClosed = false;
  #client: MemberClient | undefined;
  #stream: ClientDuplexStream<WatchRequest, WatchResponse> | undefined;
  readonly #running: Promise<void>;

  /** `nextTarget` says at which member to watch, each time. */
  constructor(name: string, ask: WatchAsk, nextTarget: () => string) {
    this.#name = name;
    this.#ask = ask;
    this.#nextTarget = nextTarget;
    this.#running = this.#run();
  }

  /** The records of its streams; the last one has everything after `finish`. */
  get records(): readonly WatchRecord[] {
    return this.#records;
  }

  /** Waits until it has everything up to a revision, by a bookmark, and ends it. */
  async finish(revision: number, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while ((this.#bookmark() ?? 0) < revision) {
      if (performance.now() > deadline) {
        const told = JSON.stringify(this.#records.at(-1)?.entries.slice(-2));
        throw new Error(`watch ${this.#name}: no progress to ${revision}, the last was ${told}`);
      }
      const value = { $case: "progressRequest", value: {} } as const;
      this.#stream?.write(WatchRequest.fromPartial({ requestUnion: value }));
      await delay(PROGRESS_PAUSE_MS);
    }
    await this.close();
  }

  /** Ends it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#stream?.cancel();
    await this.#running;
  }

  #bookmark(): number | undefined {
    const last = this.#records.at(-1)?.entries.at(-1);
    return last?.kind === "progress" ? last.revision : undefined;
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      this.#client = new MemberClient(this.#nextTarget());
      try {
        await this.#watch(this.#client);
      } catch {
        // The member is away, or the stream broke.
      }
      this.#client.close();
      if (!this.#isClosed) await delay(RESUME_PAUSE_MS);
    }
  }

  /** One stream, to its end. */
  async #watch(client: MemberClient): Promise<void> {
    const startRevision = this.#seenTo === undefined ? this.#ask.startRevision : this.#seenTo + 1;
    const calledAt = startRevision === 0 ? await revisionOf(client) : 0;
    const name = `${this.#name}#${this.#records.length + 1} at ${client.target}`;
    const record: OpenRecord = { ...this.#ask, name, startRevision, calledAt, entries: [] };
    this.#records.push(record);
    const stream = client.rpc.bidi(WatchDefinition, WatchDefinition.methods.watch);
    this.#stream = stream;
    await new Promise<void>((resolve) => {
      stream.on("error", () => resolve());
      stream.on("end", () => resolve());
      stream.on("data", (response: WatchResponse) => {
        if (this.#take(record, response) === "over") stream.cancel();
      });
      stream.write(createRequest(record));
      if (this.#isClosed) stream.cancel();
    });
    this.#stream = undefined;
  }

  #take(record: OpenRecord, response: WatchResponse): "goes on" | "over" {
    const revision = Number(response.header?.revision);
    if (response.canceled) {
      record.entries.push({ kind: "canceled", compactRevision: Number(response.compactRevision) });
      return "over";
    }
    if (response.created) record.entries.push({ kind: "created", revision });
    if (response.events.length > 0) {
      const events = response.events.map((event) => ({
        change: changeOf(event),
        previous: viewOf(event.prevKv),
      }));
      record.entries.push({ kind: "events", revision, events, isFragment: response.fragment });
      this.#seenTo = Math.max(this.#seenTo ?? 0, events.at(-1)?.change.modRevision ?? 0);
    } else if (!response.created) {
      record.entries.push({ kind: "progress", revision });
      this.#seenTo = Math.max(this.#seenTo ?? 0, revision);
    }
    return "goes on";
  }
}

/** A member's own revision. */
async function revisionOf(client: MemberClient): Promise<number> {
  const request = RangeRequest.fromPartial({ key: Buffer.from("none"), serializable: true });
  const { range } = KVDefinition.methods;
  const options = { timeoutMs: CALL_TIMEOUT_MS };
  const { header } = await client.unary(KVDefinition, range, request, options);
  return Number(header?.revision);
}

function createRequest(record: WatchRecord): WatchRequest {
  const { NOPUT, NODELETE } = WatchCreateRequest_FilterType;
  const value = {
    key: Buffer.from(record.key),
    rangeEnd: record.rangeEnd === undefined ? NO_BYTES : Buffer.from(record.rangeEnd),
    startRevision: BigInt(record.startRevision),
    prevKv: record.prevKv,
    filters: record.filters.map((kind) => (kind === "put" ? NOPUT : NODELETE)),
  };
  return WatchRequest.fromPartial({ requestUnion: { $case: "createRequest", value } });
}

/** An event as the checkers speak of it. */
function changeOf(event: Event): Change {
  const view = viewOf(event.kv);
  const key = Buffer.from(event.kv?.key ?? NO_BYTES).toString();
  if (view === undefined) throw new Error("an event without a key");
  if (event.type === Event_EventType.PUT) return { kind: "put", key, ...view };
  return { kind: "delete", key, modRevision: view.modRevision };
}
