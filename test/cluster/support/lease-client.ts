import { setTimeout as delay } from "node:timers/promises";
import {
  LeaseDefinition,
  LeaseKeepAliveRequest,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { eventually } from "../../process/support/eventually.js";
import { single } from "../../support/linearizability/kv-operation.js";
import type { Random } from "../../support/random.js";
import { callKv } from "./kv-call.js";
import type { LoadClientOptions } from "./load-client.js";
import { MemberClient } from "./member-client.js";

const CALL_TIMEOUT_MS = 3_000;
/** Longer than a run: none expires. */
const TTL_SECONDS = 600;
const PAUSE_MS = 150;
const LEASES_MAX = 4;
const LEASE = LeaseDefinition.methods;
const SETTLE_TIMEOUT_MS = 20_000;

/** Keys with a lease begin so; they may go by themselves, at a revision that no client asked for. */
export const LEASE_PREFIX = "lease/";

interface Lease {
  readonly id: bigint;
  readonly key: string;
  hasKey: boolean;
}

/** A client that grants leases, attaches a key to each, keeps them alive and revokes the older ones. */
export class LeaseClient {
  readonly #options: LoadClientOptions;
  readonly #number: number;
  readonly #held: Lease[] = [];
  readonly #revoked: Lease[] = [];
  #client: MemberClient;
  #granted = 0;
  #renewed = 0;

  constructor(number: number, options: LoadClientOptions) {
    this.#number = number;
    this.#options = options;
    this.#client = this.#connect();
  }

  /** Calls until it is told to stop. */
  async run(stopped: AbortSignal): Promise<void> {
    while (!stopped.aborted) {
      try {
        await this.#turn(this.#options.random);
      } catch {
        this.#client.close();
        this.#client = this.#connect();
      }
      await delay(PAUSE_MS);
    }
    this.#client.close();
  }

  /** Holds what it was told against a member: leases with their keys are there, revoked ones are not. */
  async check(member: MemberClient): Promise<string[]> {
    const wrong: string[] = [];
    for (const { id, key, hasKey } of this.#held) {
      const left = await this.#timeToLive(member, id);
      if (left.TTL <= 0n || left.TTL > BigInt(TTL_SECONDS))
        wrong.push(`lease ${id}: ${left.TTL} s`);
      const keys = left.keys.map((one) => Buffer.from(one).toString());
      if (hasKey && !keys.includes(key)) wrong.push(`lease ${id} lost ${key}`);
    }
    for (const { id } of this.#revoked) {
      const { TTL } = await this.#timeToLive(member, id);
      if (TTL !== -1n) wrong.push(`lease ${id} was revoked and has ${TTL} s`);
    }
    return wrong;
  }

  /** What it did, in one line. */
  toString(): string {
    return `leases: ${this.#granted} granted, ${this.#renewed} renewals, ${this.#revoked.length} revoked`;
  }

  #connect(): MemberClient {
    const { cluster, random } = this.#options;
    return new MemberClient(cluster.network.target(random.pick(cluster.members)));
  }

  async #turn(random: Random): Promise<void> {
    const oldest = this.#held[0];
    if (oldest === undefined || random.chance(0.2)) return this.#grant();
    if (this.#held.length > LEASES_MAX) return this.#revoke(oldest);
    return this.#renew(random.pick(this.#held));
  }

  async #grant(): Promise<void> {
    const id = BigInt(this.#number) * 1_000_000n + BigInt(this.#granted + 1);
    const request = { ID: id, TTL: BigInt(TTL_SECONDS) };
    this.#granted += 1;
    await this.#client.unary(LeaseDefinition, LEASE.leaseGrant, request, {
      timeoutMs: CALL_TIMEOUT_MS,
    });
    const lease: Lease = { id, key: `${LEASE_PREFIX}${id}`, hasKey: false };
    this.#held.push(lease);
    const input = single({ kind: "put", key: lease.key, value: `lease.${id}` });
    const how = { client: this.#number, isStale: false };
    const output = await this.#options.recorder.record(input, how, () =>
      callKv(this.#client, input, { timeoutMs: CALL_TIMEOUT_MS, lease: id }),
    );
    lease.hasKey = output !== undefined;
  }

  async #revoke(lease: Lease): Promise<void> {
    // From the call on nobody knows whether it is there; only an answer says that it is not.
    this.#held.shift();
    await this.#client.unary(
      LeaseDefinition,
      LEASE.leaseRevoke,
      { ID: lease.id },
      {
        timeoutMs: CALL_TIMEOUT_MS,
      },
    );
    this.#revoked.push(lease);
  }

  /** One message on a stream of its own: a renewal that does not come within the time fails. */
  async #renew(lease: Lease): Promise<void> {
    const stream = this.#client.rpc.bidi(LeaseDefinition, LEASE.leaseKeepAlive, {
      timeoutMs: CALL_TIMEOUT_MS,
    });
    try {
      const ttl = await new Promise<bigint>((resolve, reject) => {
        stream.on("error", reject);
        stream.on("end", () => reject(new Error("keepalive stream ended")));
        stream.on("data", ({ TTL }: { TTL: bigint }) => resolve(TTL));
        stream.write(LeaseKeepAliveRequest.fromPartial({ ID: lease.id }));
      });
      if (ttl > 0n) this.#renewed += 1;
    } finally {
      stream.cancel();
    }
  }

  #timeToLive(member: MemberClient, ID: bigint): Promise<{ TTL: bigint; keys: Uint8Array[] }> {
    return eventually(SETTLE_TIMEOUT_MS, async () => {
      try {
        return await member.unary(LeaseDefinition, LEASE.leaseTimeToLive, { ID, keys: true });
      } catch {
        return undefined;
      }
    });
  }
}
