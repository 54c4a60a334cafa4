import {
  LeaseGrantRequest,
  LeaseKeepAliveResponse,
  LeaseRevokeRequest,
  PutRequest,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { EntryKind } from "../../../src/shared/messages/entry.js";
import { put } from "../../apply/support/machine.js";
import type { Random } from "../../support/random.js";
import type { LeaseChecks } from "../checks/lease-checks.js";
import type { SimFrontend } from "../member/sim-frontend.js";
import type { World } from "../world/world.js";
import type { MemberPort } from "./member-port.js";

const TTL_SECONDS_MIN = 2;
const TTL_SECONDS_MAX = 4;
const TIMEOUT_MS = 1500;

/** What a lease client is made of. */
export interface LeaseClientOptions {
  readonly number: number;
  readonly world: World;
  readonly random: Random;
  readonly port: MemberPort;
  readonly leases: LeaseChecks;
}

type Result = { readonly answer: { readonly code: number; readonly ttl: number } } | string;

/** Takes a lease, binds a key to it, renews it some times, and then revokes it or lets it expire. */
export class LeaseClient {
  readonly #options: LeaseClientOptions;
  #lastId: bigint;
  #isStopped = false;

  constructor(options: LeaseClientOptions) {
    this.#options = options;
    this.#lastId = BigInt(options.number) * 1_000_000n;
  }

  /** Begins to work. */
  start(): void {
    this.#later(100, () => this.#grant());
  }

  /** Takes no further lease, and renews none. */
  stop(): void {
    this.#isStopped = true;
  }

  #grant(): void {
    const { random, leases, world } = this.#options;
    this.#lastId += 1n;
    const id = this.#lastId;
    const ttl = random.integer(TTL_SECONDS_MIN, TTL_SECONDS_MAX);
    const askedMs = world.nowMs;
    const payload = LeaseGrantRequest.encode({ ID: id, TTL: BigInt(ttl) }).finish();
    this.#propose(EntryKind.leaseGrant, payload, (code) => {
      if (code !== 0) return this.#later(300, () => this.#grant());
      leases.held(id, askedMs + ttl * 1000);
      this.#attach(id, ttl);
    });
  }

  #attach(id: bigint, ttl: number): void {
    const key = `lease/${this.#options.number}`;
    const payload = PutRequest.encode(put(key, `${id}`, { lease: id })).finish();
    const renewals = this.#options.random.integer(0, 8);
    this.#propose(EntryKind.put, payload, () => this.#hold(id, ttl, renewals));
  }

  #hold(id: bigint, ttl: number, renewals: number): void {
    const { random } = this.#options;
    if (renewals > 0) return this.#later((ttl * 1000) / 3, () => this.#renew(id, ttl, renewals));
    if (random.chance(0.5)) return this.#later(500, () => this.#grant());
    this.#later(200, () => {
      this.#options.leases.revoking(id);
      const payload = LeaseRevokeRequest.encode({ ID: id }).finish();
      this.#propose(EntryKind.leaseRevoke, payload, () => this.#later(200, () => this.#grant()));
    });
  }

  #renew(id: bigint, ttl: number, renewals: number): void {
    const { world, port, leases, random } = this.#options;
    const askedMs = world.nowMs;
    port.call<{ readonly code: number; readonly ttl: number }>({
      timeoutMs: TIMEOUT_MS,
      serve: (frontend, answer) => renewOn(frontend, id, answer),
      ended: (result: Result) => {
        const answer = typeof result === "object" ? result.answer : undefined;
        if (answer?.code === 0 && answer.ttl > 0) {
          leases.held(id, askedMs + answer.ttl * 1000);
          return this.#hold(id, ttl, renewals - 1);
        }
        if (answer?.code === 0) return this.#later(200, () => this.#grant());
        if (random.chance(0.6)) port.leave();
        this.#later(20 + random.next() * 50, () => this.#renew(id, ttl, renewals));
      },
    });
  }

  #propose(kind: EntryKind, payload: Uint8Array, done: (code: number) => void): void {
    const { port } = this.#options;
    port.call<number>({
      timeoutMs: TIMEOUT_MS,
      serve: (frontend, answer) => frontend.frontend.propose(kind, payload, (code) => answer(code)),
      ended: (result) => {
        if (typeof result === "object" && result.answer === 0) return done(0);
        port.leave();
        done(-1);
      },
    });
  }

  #later(delayMs: number, run: () => void): void {
    this.#options.world.events.after(delayMs, () => {
      if (!this.#isStopped) run();
    });
  }
}

function renewOn(
  frontend: SimFrontend,
  id: bigint,
  answer: (value: { readonly code: number; readonly ttl: number }) => void,
): void {
  frontend.renewLease(id, (code, _revision, body, offset, length) => {
    const response = LeaseKeepAliveResponse.decode(
      Uint8Array.from(body.subarray(offset, offset + length)),
    );
    answer({ code, ttl: Number(response.TTL) });
  });
}
