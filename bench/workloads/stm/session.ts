import {
  LeaseGrantRequest,
  LeaseGrantResponse,
  LeaseKeepAliveRequest,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { type Connection, call, RPC } from "../../client/connection.js";

const LEASE_TTL_SECONDS = 60;

/** Grants a lease and keeps it alive as long as the process runs; gives its id. */
export async function openSession(connection: Connection): Promise<bigint> {
  const grant = LeaseGrantRequest.encode({ ID: 0n, TTL: BigInt(LEASE_TTL_SECONDS) }).finish();
  const answer = await call(connection, RPC.leaseGrant, Buffer.from(grant));
  const { ID } = LeaseGrantResponse.decode(answer);
  const renewal = Buffer.from(LeaseKeepAliveRequest.encode({ ID }).finish());
  const stream = connection.bidi(RPC.leaseKeepAlive, { onMessage: () => {}, onEnd: () => {} });
  setInterval(() => stream.send(renewal), (LEASE_TTL_SECONDS * 1000) / 3).unref();
  return ID;
}
