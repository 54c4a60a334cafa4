import { PutRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { RPC } from "../client/connection.js";
import type { LoadPlan } from "../load/plan.js";
import { KeyTemplate } from "../wire/key-template.js";
import { randomValue } from "../wire/value.js";
import { keyNumbers } from "./key-numbers.js";
import type { Share, Workload } from "./workload.js";

/** Prefix of the keys that put, range and fill share. */
export const COMMON_PREFIX = "bench/";

/** Puts of one key each. */
export function putWorkload(plan: LoadPlan, share: Share): Workload {
  const template = putTemplate(plan, COMMON_PREFIX, randomValue(plan.valSize, plan.seed));
  const next = keyNumbers(plan, share);
  return {
    unit: "puts",
    unitsPerCall: 1,
    open: (connection) =>
      Promise.resolve((done) => connection.unary(RPC.put, template.fill(next()), done)),
  };
}

/** A put of one key. */
export function putTemplate(plan: LoadPlan, prefix: string, value: Buffer): KeyTemplate {
  return new KeyTemplate({ prefix, keyBytes: plan.keySize, keys: 1 }, ([key]) =>
    PutRequest.encode(PutRequest.fromPartial({ key: key!, value })).finish(),
  );
}
