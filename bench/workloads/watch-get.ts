import {
  PutRequest,
  PutResponse,
  RangeRequest,
  WatchRequest,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { type Connection, call, RPC } from "../client/connection.js";
import type { WatchGetLoad } from "../load/loads.js";
import { WatchedEvents } from "./watched-events.js";
import type { Workload } from "./workload.js";

const WATCHED_KEY = Buffer.from("watchkey");
/** What is read need not be there. */
const READ_KEY = Buffer.from("abc");

/**
 * Serializable gets of one key while watchers that begin in the past are served a key's history: the run
 * ends when every watcher has all of it.
 */
export function watchGetWorkload(load: WatchGetLoad): Workload {
  let connections: readonly Connection[] = [];
  let firstRevision = 0n;
  const get = RangeRequest.fromPartial({ key: READ_KEY, serializable: true });
  const message = Buffer.from(RangeRequest.encode(get).finish());
  return {
    unit: "gets",
    prepare: async (all) => {
      connections = all;
      const [connection] = all;
      if (connection !== undefined) firstRevision = await writeHistory(connection, load.events);
    },
    open: (connection) =>
      Promise.resolve((done) => connection.unary(RPC.range, message, (failure) => done(failure))),
    until: async () => {
      const create = createRequest(firstRevision);
      const streams = Array.from({ length: load.streams }, (_, stream) => {
        const watchers = Math.floor((load.watchers + load.streams - 1 - stream) / load.streams);
        return Array.from({ length: watchers }, () => create);
      });
      const events = new WatchedEvents({ streams, stamped: false, expected: () => 0 });
      await events.open(connections);
      await events.reach(load.watchers * load.events);
    },
  };
}

/** Puts the watched key again and again; gives the revision of the first put. */
async function writeHistory(connection: Connection, events: number): Promise<bigint> {
  let first = 0n;
  for (let i = 0; i < events; i += 1) {
    const put = PutRequest.fromPartial({ key: WATCHED_KEY, value: Buffer.from(String(i)) });
    const answer = await call(connection, RPC.put, Buffer.from(PutRequest.encode(put).finish()));
    if (i === 0) first = PutResponse.decode(answer).header?.revision ?? 0n;
  }
  return first;
}

function createRequest(startRevision: bigint): Buffer {
  const value = { key: WATCHED_KEY, startRevision };
  const request = WatchRequest.fromPartial({ requestUnion: { $case: "createRequest", value } });
  return Buffer.from(WatchRequest.encode(request).finish());
}
