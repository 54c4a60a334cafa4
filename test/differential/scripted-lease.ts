import {
  del,
  fails,
  gives,
  grant,
  keepAlives,
  LEASES,
  opPut,
  put,
  range,
  receive,
  revoke,
  type Script,
  timeToLive,
  txn,
  watch,
} from "./scripted-steps.js";

const NO_LEASE = "etcdserver: requested lease not found";

const keepAlive = (id: number, ttl: number): unknown => ({ ID: `${id}`, TTL: `${ttl}` });

/** Semantics section 9: Lease. */
export const LEASE_SCRIPTS: readonly Script[] = [
  {
    name: "L-01 L-02 L-03 L-04: ids chosen, given, negative, in use; short and long TTLs",
    steps: () => [
      gives(grant(0n, 600n), { ID: "chosen", TTL: "600", error: "" }),
      gives(grant(-9n, 600n), { ID: "-9" }),
      fails(grant(-9n, 600n), "etcdserver: lease already exists"),
      ...[1n, 0n, -5n].map((ttl, index) => gives(grant(BigInt(101 + index), ttl), { TTL: "2" })),
      grant(104n, 9_000_000_000n),
      fails(grant(105n, 9_000_000_001n), "etcdserver: too large lease TTL"),
      fails(grant(104n, 9_000_000_001n), "etcdserver: too large lease TTL"),
    ],
  },
  {
    name: "L-05 L-06 L-10: a grant is no revision; revoke twice fails; the id is free again",
    steps: (base) => [
      gives(grant(110n, 600n), { header: { revision: `${base}` } }),
      revoke(110n),
      fails(revoke(110n), NO_LEASE),
      fails(revoke(0n), NO_LEASE),
      grant(110n, 700n),
    ],
  },
  {
    name: "L-07 L-08: revoke deletes what is attached, in key order, in one revision",
    steps: (base) => [
      grant(111n, 600n),
      grant(112n, 600n),
      watch("s", "a", { end: "\0" }),
      receive("s"),
      ...["c", "a", "b", "d"].map((key) => put(key, "v", { lease: 111n })),
      txn({ success: [opPut("e", "v", { lease: 111n })] }),
      put("b", "moved", { lease: 112n }),
      del("d"),
      receive("s", 7),
      gives(timeToLive(111n, true), { keys: ["a", "c", "e"] }),
      gives(revoke(111n), { header: { revision: `${base + 8}` } }),
      gives(receive("s"), {
        responses: [{ events: [{ kv: { key: "a" } }, { kv: { key: "c" } }, { kv: { key: "e" } }] }],
      }),
      gives(range("a", { end: "\0" }), { count: "1" }),
    ],
  },
  {
    name: "L-20 L-21 L-22 L-24: one answer for each, in order; unknown ones 0; then the stream ends OK",
    steps: () => [
      grant(113n, 600n),
      grant(114n, 700n),
      gives(keepAlives(114n, 404n, 113n, 113n, 0n), {
        responses: [
          keepAlive(114, 700),
          keepAlive(404, 0),
          keepAlive(113, 600),
          keepAlive(113, 600),
          keepAlive(0, 0),
        ],
      }),
      revoke(113n),
      gives(keepAlives(113n), { responses: [keepAlive(113, 0)] }),
      gives(keepAlives(), { responses: [] }),
    ],
  },
  {
    name: "L-30 L-31 L-33: remaining below granted; unknown is -1; keys on request",
    steps: () => [
      grant(115n, 5000n),
      put("b", "", { lease: 115n }),
      put("a", "", { lease: 115n }),
      gives(timeToLive(115n), { TTL: "below the granted", grantedTTL: "5000", keys: [] }),
      gives(timeToLive(115n, true), { keys: ["a", "b"] }),
      gives(timeToLive(404n, true), { ID: "404", TTL: "-1", grantedTTL: "0", keys: [] }),
    ],
  },
  {
    name: "L-35: leases are listed nearest expiry first",
    steps: () => [
      gives(LEASES, { leases: [] }),
      grant(116n, 900n),
      grant(117n, 300n),
      grant(118n, 600n),
      gives(LEASES, { leases: [{ ID: "117" }, { ID: "118" }, { ID: "116" }] }),
    ],
  },
  {
    name: "L-40 L-41 W-26: a lease runs out, its keys go in one revision, its watcher hears of it",
    steps: (base) => [
      grant(119n, 3n),
      watch("s", "a", { end: "\0", prevKv: true }),
      receive("s"),
      put("b", "1", { lease: 119n }),
      put("a", "2", { lease: 119n }),
      receive("s", 2),
      gives(receive("s"), {
        responses: [
          {
            header: { revision: `${base + 3}` },
            events: [{ kv: { key: "a" } }, { kv: { key: "b" } }],
          },
        ],
      }),
      gives(timeToLive(119n), { TTL: "-1", grantedTTL: "0" }),
      gives(keepAlives(119n), { responses: [{ TTL: "0" }] }),
      grant(119n, 600n),
    ],
  },
];
