import { LeaseGrantRequest, LeaseGrantResponse } from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { type Connection, call, RPC } from "../../client/connection.js";
import { nowUs } from "../../load/clock.js";

/** An event lives for an hour, and up to a minute longer because leases are shared. */
const TTL_SECONDS = 3660n;
const SHARED_US = 60_000_000;
const SHARED_OBJECTS = 1000;

/** The lease that events are written with: a new one every minute or thousand events. */
export class EventLease {
  #granted: Promise<bigint> | undefined;
  #sinceUs = 0;
  #objects = 0;

  /** Gives the id for one more event. */
  use(connection: Connection): Promise<bigint> {
    const isSpent = this.#objects >= SHARED_OBJECTS || nowUs() - this.#sinceUs >= SHARED_US;
    if (this.#granted === undefined || isSpent) {
      this.#granted = grant(connection);
      this.#sinceUs = nowUs();
      this.#objects = 0;
    }
    this.#objects += 1;
    return this.#granted;
  }
}

async function grant(connection: Connection): Promise<bigint> {
  const request = LeaseGrantRequest.encode({ ID: 0n, TTL: TTL_SECONDS }).finish();
  return LeaseGrantResponse.decode(await call(connection, RPC.leaseGrant, Buffer.from(request))).ID;
}
