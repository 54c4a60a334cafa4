import {
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
  LeaseKeepAliveResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { type Connection, call, RPC } from "../client/connection.js";
import type { Done, Operation } from "../load/tally.js";
import type { Workload } from "./workload.js";

/** Leases are left to expire after the run. */
const LEASE_TTL_SECONDS = 60n;

/**
 * Each client renews a lease of its own, on a stream of its own, as soon as the last renewal is
 * answered.
 */
export function leaseKeepAliveWorkload(): Workload {
  return { unit: "renewals", open: openRenewal };
}

async function openRenewal(connection: Connection): Promise<Operation> {
  const grant = LeaseGrantRequest.encode({ ID: 0n, TTL: LEASE_TTL_SECONDS }).finish();
  const granted = LeaseGrantResponse.decode(
    await call(connection, RPC.leaseGrant, Buffer.from(grant)),
  );
  const renewal = Buffer.from(LeaseKeepAliveRequest.encode({ ID: granted.ID }).finish());
  let waiting: Done | undefined;
  let ended: Error | undefined;
  const answered = (failure: Error | undefined): void => {
    const done = waiting;
    waiting = undefined;
    done?.(failure);
  };
  const stream = connection.bidi(RPC.leaseKeepAlive, {
    onMessage: (message) => {
      const renewed = LeaseKeepAliveResponse.decode(message).TTL > 0n;
      answered(renewed ? undefined : new Error("a lease is gone that was being renewed"));
    },
    onEnd: (failure) => {
      ended = failure ?? new Error("a keep-alive stream ended");
      answered(ended);
    },
  });
  return (done) => {
    if (ended !== undefined) {
      setImmediate(done, ended);
      return;
    }
    waiting = done;
    stream.send(renewal);
  };
}
