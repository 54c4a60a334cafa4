import { unreachable } from "../../../src/shared/assert.js";
import {
  LockRequest,
  LockResponse,
  UnlockRequest,
} from "../../../src/shared/gen/v3lockpb/v3lock.js";
import { type Connection, call, RPC } from "../../client/connection.js";
import type { StmLoad } from "../../load/loads.js";
import { Mutex } from "./mutex.js";
import { openSession } from "./session.js";

/** What is held around a software transaction. */
export interface Locker {
  lock(): Promise<void>;
  unlock(): Promise<void>;
}

/** Name of the lock that all clients take. */
const LOCK_NAME = "stmlock";

/** The locker of one client. */
export async function openLocker(kind: StmLoad["locker"], connection: Connection): Promise<Locker> {
  switch (kind) {
    case "stm":
      return { lock: () => Promise.resolve(), unlock: () => Promise.resolve() };
    case "lock-client":
      return new Mutex(connection, LOCK_NAME, await openSession(connection));
    case "lock-rpc":
      return rpcLocker(connection, await openSession(connection));
    default:
      return unreachable(kind);
  }
}

/** The server's own Lock service (v3lockpb). */
function rpcLocker(connection: Connection, lease: bigint): Locker {
  let key: Uint8Array = new Uint8Array();
  const name = Buffer.from(LOCK_NAME);
  return {
    lock: async () => {
      const request = LockRequest.encode({ name, lease }).finish();
      key = LockResponse.decode(await call(connection, RPC.lock, Buffer.from(request))).key;
    },
    unlock: async () => {
      await call(connection, RPC.unlock, Buffer.from(UnlockRequest.encode({ key }).finish()));
    },
  };
}
