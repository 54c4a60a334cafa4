import {
  WatchCreateRequest_FilterType as FilterType,
  WatchCreateRequest,
  type WatchResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { bytes } from "../../apply/support/machine.js";
import type { Random } from "../../support/random.js";
import { FakeCall } from "../../watch/support/fake-call.js";
import type { WatchCheck, WatchSpec } from "../checks/watch-checks.js";
import type { SimFrontend } from "../member/sim-frontend.js";
import type { SimMember } from "../member/sim-member.js";
import type { SimProcess } from "../member/sim-process.js";
import type { World } from "../world/world.js";

/** Small, so that a reader who is slow is soon behind. */
const WINDOW_BYTES = 600;

/** What a watch client is made of. */
export interface WatchClientOptions {
  readonly world: World;
  readonly random: Random;
  readonly members: () => readonly SimMember[];
  readonly spec: WatchSpec;
  readonly check: WatchCheck;
}

/** A stream on one process, until it breaks. */
interface Connection {
  readonly process: SimProcess;
  readonly startRevision: number;
  call: FakeCall | undefined;
}

/** A watcher that goes on, on whatever member there is, where it broke off. */
export class WatchClient {
  readonly #options: WatchClientOptions;
  #connection: Connection | undefined;
  #isSlow = false;
  #mayBeSlow = true;

  constructor(options: WatchClientOptions) {
    this.#options = options;
  }

  /** Begins to work. */
  start(): void {
    this.#connect();
  }

  /** Turns to a member that is one now, and reads as fast as it can. */
  hurry(): void {
    this.#mayBeSlow = false;
    if (this.#connection !== undefined) this.#break(this.#connection);
  }

  /** Whether everything up to a revision was delivered. */
  isCompleteTo(revision: number): boolean {
    return this.#options.check.completeTo(revision);
  }

  #connect(): void {
    const { random, members, check } = this.#options;
    const member = random.pick(members());
    const process = member.isUp ? member.process : undefined;
    this.#isSlow = this.#mayBeSlow && random.chance(0.2);
    if (process === undefined) return this.#later(50, () => this.#connect());
    const connection = { process, startRevision: check.resumeRevision, call: undefined };
    this.#connection = connection;
    process.request((frontend) => this.#open(connection, frontend));
    member.whenEnded(() => this.#break(connection));
    this.#poll(connection);
  }

  /** The server gets the request; the client may be elsewhere by then. */
  #open(connection: Connection, frontend: SimFrontend): void {
    if (connection !== this.#connection) return;
    const call = new FakeCall(WINDOW_BYTES);
    call.receiver = frontend.hub.open(call);
    connection.call = call;
    call.send({ $case: "createRequest", value: this.#request(connection.startRevision) });
  }

  #request(startRevision: number): WatchCreateRequest {
    const { key, end, prevKv, noPut, noDelete } = this.#options.spec;
    const filters = [
      ...(noPut ? [FilterType.NOPUT] : []),
      ...(noDelete ? [FilterType.NODELETE] : []),
    ];
    return {
      ...WatchCreateRequest.decode(new Uint8Array(0)),
      key: bytes(key),
      rangeEnd: bytes(end),
      startRevision: BigInt(startRevision),
      progressNotify: true,
      prevKv,
      filters,
    };
  }

  #poll(connection: Connection): void {
    const { random } = this.#options;
    const delayMs = this.#isSlow ? 200 + random.next() * 1500 : 1 + random.next() * 30;
    this.#later(delayMs, () => {
      if (this.#connection !== connection) return;
      if (random.chance(0.01)) return this.#break(connection);
      // In the process: taking from the stream's buffer lets the hub write more.
      connection.process.request(() => this.#take(connection));
      this.#poll(connection);
    });
  }

  #take(connection: Connection): void {
    if (connection !== this.#connection) return;
    for (const response of connection.call?.take() ?? []) {
      if (connection === this.#connection) this.#onResponse(connection, response);
    }
  }

  #onResponse(connection: Connection, response: WatchResponse): void {
    const { check } = this.#options;
    if (response.created) {
      check.created(Number(response.header?.revision ?? 0n), connection.startRevision);
    } else if (response.canceled) {
      if (response.compactRevision > 0n) check.compacted(Number(response.compactRevision));
      this.#break(connection);
    } else {
      check.response(response);
    }
  }

  /** The connection is gone: with it whatever was on its way. */
  #break(connection: Connection): void {
    if (connection !== this.#connection) return;
    this.#connection = undefined;
    const { process, call } = connection;
    if (call !== undefined) process.request(() => call.cancel());
    this.#later(5 + this.#options.random.next() * 50, () => this.#connect());
  }

  #later(delayMs: number, run: () => void): void {
    this.#options.world.events.after(delayMs, run);
  }
}
