import assert from "node:assert/strict";
import type { ClientDuplexStream } from "@grpc/grpc-js";
import type { RpcClient } from "../../../src/main/client/rpc-client.js";
import {
  WatchDefinition,
  WatchRequest,
  type WatchResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import type { Event } from "../../../src/shared/gen/mvccpb/kv.js";

/** All events of one revision. */
export interface RevisionEvents {
  readonly revision: number;
  readonly events: Event[];
}

const EVERYTHING = Buffer.of(0);

/**
 * Watches every key from a revision on and collects the events by revision. Holds the stream against
 * the watch promises: revisions in order, none twice, none left out, none split over responses.
 */
export class Watcher {
  readonly revisions: RevisionEvents[] = [];
  readonly #stream: ClientDuplexStream<WatchRequest, WatchResponse>;
  #nextRevision: number;
  #failure: Error | undefined;
  #onChange: () => void = () => {};

  constructor(client: RpcClient, options: { readonly from: number; readonly prevKv: boolean }) {
    this.#nextRevision = options.from;
    this.#stream = client.bidi(WatchDefinition, WatchDefinition.methods.watch);
    this.#stream.on("data", (response: WatchResponse) => this.#take(response));
    this.#stream.on("error", (error: Error) => this.#fail(error));
    this.#stream.on("end", () => this.#fail(new Error("watch stream ended")));
    const value = {
      key: EVERYTHING,
      rangeEnd: EVERYTHING,
      startRevision: BigInt(options.from),
      prevKv: options.prevKv,
    };
    this.#stream.write(
      WatchRequest.fromPartial({ requestUnion: { $case: "createRequest", value } }),
    );
  }

  /** The revision that must come next. */
  get nextRevision(): number {
    return this.#nextRevision;
  }

  /** Why it ended; undefined while it runs. */
  get failure(): Error | undefined {
    return this.#failure;
  }

  /** Waits until everything up to a revision has come. */
  async until(revision: number, timeoutMs: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timedOut = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const got = this.#nextRevision - 1;
        reject(new Error(`watch came to revision ${got} of ${revision} in ${timeoutMs} ms`));
      }, timeoutMs);
    });
    try {
      await Promise.race([timedOut, this.#reach(revision)]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Ends the stream. */
  close(): void {
    this.#stream.cancel();
  }

  async #reach(revision: number): Promise<void> {
    while (this.#nextRevision <= revision) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#onChange = resolve;
      });
    }
  }

  #take(response: WatchResponse): void {
    try {
      assert.ok(!response.canceled, `watch canceled: ${response.cancelReason}`);
      let open: RevisionEvents | undefined;
      for (const event of response.events) {
        const revision = Number(event.kv?.modRevision);
        if (open?.revision !== revision) {
          assert.equal(revision, this.#nextRevision, "watch: a gap, a double or a split revision");
          open = { revision, events: [] };
          this.revisions.push(open);
          this.#nextRevision = revision + 1;
        }
        open.events.push(event);
      }
      const headRevision = Number(response.header?.revision);
      assert.ok(headRevision >= this.#nextRevision - 1, "watch: event newer than its header");
    } catch (error) {
      this.#failure ??= error instanceof Error ? error : new Error(String(error));
      this.close();
    }
    this.#onChange();
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#onChange();
  }
}
