import {
  CompactionRequest,
  HashKVRequest,
  HashKVResponse,
  RangeRequest,
  RangeResponse,
  StatusRequest,
  StatusResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { type Connection, call, RPC } from "../client/connection.js";
import type { LoadPlan } from "../load/plan.js";
import { type Command, TOTAL_AND_RATE } from "./command.js";
import type { Flags } from "./flags.js";
import { KEY_FLAGS, keySpaceOf } from "./run-flags.js";
import { withConnection } from "./target.js";

/** `put`: puts of one key. */
export const PUT: Command = {
  name: "put",
  help: "puts of one key",
  flags: {
    ...KEY_FLAGS,
    ...TOTAL_AND_RATE,
    "sequential-keys": { type: "boolean", help: "keys in order, not at random" },
    "compact-interval": { type: "string", default: "0", help: "compact so often; 0 never" },
    "compact-index-delta": {
      type: "string",
      default: "1000",
      help: "revisions that a compaction keeps",
    },
    "check-hashkv": { type: "boolean", help: "ask for the store's hash afterwards" },
  },
  load: (flags) => {
    return { kind: "put", ...keySpaceOf(flags), sequentialKeys: flags.isSet("sequential-keys") };
  },
  beside: (plan, flags) => {
    const intervalMs = flags.durationMs("compact-interval");
    const keep = flags.count("compact-index-delta", 0);
    return intervalMs > 0 ? () => compactEvery(plan, intervalMs, keep) : undefined;
  },
  epilogue: (plan, flags) => hashText(plan, flags),
};

/** Compacts until it is ended; the end waits for the last compaction, and rejects when one failed. */
function compactEvery(plan: LoadPlan, intervalMs: number, keep: number): () => Promise<void> {
  let last = Promise.resolve();
  const timer = setInterval(() => {
    last = last.then(() =>
      withConnection(plan.endpoints[0] ?? "", plan.connect, (connection) =>
        compact(connection, keep),
      ),
    );
    // Seen at the end.
    last.catch(() => {});
  }, intervalMs);
  return () => {
    clearInterval(timer);
    return last;
  };
}

async function compact(connection: Connection, keep: number): Promise<void> {
  const read = RangeRequest.encode(RangeRequest.fromPartial({ key: Buffer.from("foo") })).finish();
  const { header } = RangeResponse.decode(await call(connection, RPC.range, Buffer.from(read)));
  const revision = (header?.revision ?? 0n) - BigInt(keep);
  if (revision <= 0n) return;
  const request = CompactionRequest.fromPartial({ revision });
  await call(connection, RPC.compact, Buffer.from(CompactionRequest.encode(request).finish()));
}

async function hashText(plan: LoadPlan, flags: Flags): Promise<string | undefined> {
  if (!flags.isSet("check-hashkv")) return undefined;
  const [endpoint = ""] = plan.endpoints;
  return withConnection(endpoint, plan.connect, async (connection) => {
    const startedMs = performance.now();
    const ask = Buffer.from(HashKVRequest.encode({ revision: 0n }).finish());
    const { hash } = HashKVResponse.decode(await call(connection, RPC.hashKv, ask));
    const hashMs = performance.now() - startedMs;
    const status = Buffer.from(StatusRequest.encode({}).finish());
    const { dbSize } = StatusResponse.decode(await call(connection, RPC.status, status));
    return [
      "HashKV Summary:",
      `\tHashKV: ${hash}`,
      `\tEndpoint: ${endpoint}`,
      `\tTime taken to get hashkv: ${hashMs.toFixed(3)}ms`,
      `\tDB size: ${(Number(dbSize) / 1_000_000).toFixed(1)} MB`,
    ].join("\n");
  });
}
