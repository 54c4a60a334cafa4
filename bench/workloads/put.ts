import { PutRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { RPC } from "../client/connection.js";
import type { PutLoad } from "../load/loads.js";
import { prefixFor } from "../wire/bench-key.js";
import { KeyTemplate } from "../wire/key-template.js";
import { randomValue } from "../wire/value.js";
import { keyNumbers } from "./key-numbers.js";
import type { Workload, WorkloadContext } from "./workload.js";

/** Prefix of the keys that put, range, fill and txn-put share. */
export const COMMON_PREFIX = "bench/";

/** Puts of one key each. */
export function putWorkload(load: PutLoad, context: WorkloadContext): Workload {
  const prefix = prefixFor(COMMON_PREFIX, load.keySize);
  const template = putTemplate(prefix, load.keySize, randomValue(load.valSize, context.seed));
  const next = keyNumbers(load, context);
  return {
    unit: "puts",
    open: (connection) =>
      Promise.resolve((done) =>
        connection.unary(RPC.put, template.fill(next()), (failure) => done(failure)),
      ),
  };
}

/** A put of one key. */
export function putTemplate(prefix: string, keyBytes: number, value: Buffer): KeyTemplate {
  return new KeyTemplate({ prefix, keyBytes, keys: 1 }, ([key]) =>
    PutRequest.encode(PutRequest.fromPartial({ key: key!, value })).finish(),
  );
}
