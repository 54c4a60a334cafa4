import { accepted, flagGroup, refused } from "../flag-spec.js";

const STORE_IS_NOT_BBOLT = accepted("the store of this server has no such setting");
const PINGED = accepted("a dead connection to a member is found out by pings");

/** Flags of the member itself: place, addresses, limits, keepalive. docs/facts/flags.md section 2. */
export const MEMBER_FLAGS = flagGroup("Member", [
  ["name", "text", "default", "Name of this member, as in --initial-cluster."],
  ["data-dir", "text", "", "Directory of the member's data. Empty means <name>.etcd here."],
  ["wal-dir", "text", "", "Directory of the write-ahead log, to give it a disk of its own."],
  [
    "snapshot-count",
    "uint",
    "10000",
    "Applied entries after which the log is cut.",
    accepted("the log is cut after each checkpoint of the store, without a count"),
  ],
  [
    "snapshot-catchup-entries",
    "uint",
    "5000",
    "Entries kept for slow followers when the log is cut. Unless set, as many as fit into 64 MiB.",
  ],
  ["heartbeat-interval", "uint", "100", "Milliseconds between two heartbeats of the leader."],
  [
    "election-timeout",
    "uint",
    "1000",
    "Milliseconds without a leader before an election. At least five heartbeats.",
  ],
  [
    "initial-election-tick-advance",
    "boolean",
    "true",
    "Skip most of the first election wait when the member starts.",
  ],
  ["listen-peer-urls", "urls", "http://localhost:2380", "URLs to listen on for other members."],
  [
    "listen-client-urls",
    "urls",
    "http://localhost:2379",
    "URLs to listen on for clients: gRPC and HTTP on one port.",
  ],
  [
    "listen-client-http-urls",
    "urls",
    "",
    "URLs to listen on for clients' HTTP alone.",
    refused("HTTP on addresses of its own is not supported yet by this version"),
  ],
  [
    "max-wals",
    "uint",
    "5",
    "Log segments to keep; 0 keeps all.",
    accepted("cut segments go at once"),
  ],
  [
    "max-snapshots",
    "uint",
    "5",
    "Snapshot files to keep.",
    accepted("there are no snapshot files"),
  ],
  [
    "quota-backend-bytes",
    "int",
    "0",
    "Size of the store above which writes are refused. 0 means 2 GiB, a negative number no limit.",
  ],
  ["backend-bbolt-freelist-type", "text", "map", "Free list of the store.", STORE_IS_NOT_BBOLT],
  ["backend-batch-interval", "duration", "0s", "Longest wait for a commit.", STORE_IS_NOT_BBOLT],
  ["backend-batch-limit", "int", "0", "Most writes in one commit.", STORE_IS_NOT_BBOLT],
  ["max-txn-ops", "uint", "128", "Most operations in one branch of a transaction."],
  ["max-request-bytes", "uint", "1572864", "Largest request, in bytes."],
  ["max-concurrent-streams", "uint32", "4294967295", "Most open streams of one connection."],
  ["grpc-keepalive-min-time", "duration", "5s", "Least time between two pings of a client."],
  ["grpc-keepalive-interval", "duration", "2h", "Time between two pings of the server; 0 is off."],
  ["grpc-keepalive-timeout", "duration", "20s", "Time to wait for a ping's answer; 0 is off."],
  [
    "experimental-client-transport",
    "choice",
    "http2",
    "What serves gRPC to clients: 'http2', capstan's own engine, or 'grpc-js'.",
    { choices: ["http2", "grpc-js"] },
  ],
  [
    "socket-reuse-port",
    "boolean",
    "false",
    "Set SO_REUSEPORT on listeners.",
    {
      fileKey: "socket-options.reuse-port",
      support: {
        kind: "refused",
        reason: "listeners that share a port are not supported yet by this version",
      },
    },
  ],
  [
    "socket-reuse-address",
    "boolean",
    "false",
    "Set SO_REUSEADDR on listeners.",
    {
      fileKey: "socket-options.reuse-address",
      support: { kind: "accepted", reason: "listeners always have SO_REUSEADDR set" },
    },
  ],
  [
    "raft-read-timeout",
    "duration",
    "5s",
    "Read deadline of a connection to a member.",
    { ...PINGED, fileKey: null },
  ],
  [
    "raft-write-timeout",
    "duration",
    "5s",
    "Write deadline of a connection to a member.",
    { ...PINGED, fileKey: null },
  ],
  [
    "memory-mlock",
    "boolean",
    "false",
    "Lock the store's pages in memory.",
    accepted("pages cannot be locked in memory by this version"),
  ],
  [
    "enable-grpc-gateway",
    "boolean",
    "true",
    "Serve the JSON gateway.",
    {
      support: {
        kind: "accepted",
        reason: "this version does not serve the JSON gateway yet",
        warnAlways: true,
      },
    },
  ],
]);
