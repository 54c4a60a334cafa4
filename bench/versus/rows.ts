import type { Flags } from "../commands/flags.js";
import type { FillLoad, Load } from "../load/loads.js";
import type { H2loadLoad } from "./h2load.js";

/** A server, or cluster, on which rows are made one after the other. */
export interface Setup {
  readonly members: number;
  /** What it holds before. */
  readonly fill?: Omit<FillLoad, "kind">;
  readonly rows: readonly Row[];
}

/** One row group of the table, on the setup that it belongs to. */
export interface Row {
  readonly name: string;
  readonly load: Load;
  readonly clients: number;
  readonly conns: number;
  /** Nothing is left to do for the server afterwards. */
  readonly isRead?: boolean;
  /** Made by h2load. */
  readonly h2load?: H2loadLoad;
}

/** Restarts are no load: they have a setup of their own, and a server per restart. */
export const RESTART_ROW = "restart";

const LIST_VALUE_BYTES = 2048;
const CLUSTER_MEMBERS = 3;

/** All setups with their rows, by the flags of bench:versus. */
export function setupsOf(flags: Flags): Setup[] {
  const members = flags.count("members");
  const main = { members, fill: spaceOf(flags), rows: mainRows(flags, members) };
  return members > 1 ? [main] : [main, ...otherSetups(flags)];
}

function spaceOf(flags: Flags): Omit<FillLoad, "kind"> {
  return {
    keySize: flags.count("key-size", 16),
    valSize: flags.count("val-size"),
    keySpaceSize: flags.count("key-space-size"),
  };
}

function mainRows(flags: Flags, members: number): Row[] {
  const space = spaceOf(flags);
  const many = manyClients(flags);
  const put: Load = { kind: "put", ...space, sequentialKeys: false };
  const range = { kind: "range-span", ...space, span: 1, serializable: false } as const;
  const one = { clients: 1, conns: 1 };
  const rows: Row[] = [
    { name: "put", load: put, ...many },
    { name: "put-one", load: put, ...one },
    { name: "range", load: range, ...many, isRead: true },
    { name: "range-serializable", load: { ...range, serializable: true }, ...many, isRead: true },
  ];
  if (members > 1) return rows;
  return [
    ...rows,
    // Few writers: with many, the answer is how long events queue, and for the client itself.
    { name: "watch", load: watchLoad(space), clients: 16, conns: 16 },
    { name: "lease-keepalive", load: { kind: "lease-keepalive" }, ...many },
    { name: "txn-k8s", load: { kind: "txn-k8s", ...space }, ...many },
    { name: "put-h2load", load: put, ...many, h2load: put },
    { name: "range-h2load", load: range, ...many, isRead: true, h2load: range },
  ];
}

/** A hundred watchers of everything that is written. */
function watchLoad(space: Omit<FillLoad, "kind">): Load {
  const watchers = { streams: 10, watchPerStream: 10, watchedKeyTotal: 0 };
  return { kind: "watch", ...space, ...watchers, sequentialKeys: false, prevKv: false };
}

function otherSetups(flags: Flags): Setup[] {
  const space = spaceOf(flags);
  const many = manyClients(flags);
  const put: Load = { kind: "put", ...space, sequentialKeys: false };
  const random: Load = { ...put, keySpaceSize: flags.count("random-keys") };
  const keySpaceSize = flags.count("list-objects");
  const objects = { keySize: space.keySize, valSize: LIST_VALUE_BYTES, keySpaceSize };
  const list: Load = { kind: "list", ...objects, listers: 2 };
  return [
    { members: 1, rows: [{ name: "put-random", load: random, ...many }] },
    {
      members: 1,
      fill: objects,
      rows: [{ name: "list", load: list, clients: 10, conns: 10, isRead: true }],
    },
    {
      members: CLUSTER_MEMBERS,
      rows: [{ name: "put-3-members", load: put, ...many }],
    },
  ];
}

function manyClients(flags: Flags): Pick<Row, "clients" | "conns"> {
  return { clients: flags.count("clients"), conns: flags.count("conns") };
}
