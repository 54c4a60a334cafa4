import { RangeRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { RPC } from "../client/connection.js";
import type { Done } from "../load/closed-loop.js";
import type { LoadPlan } from "../load/plan.js";
import { KeyTemplate } from "../wire/key-template.js";
import { keyNumbers } from "./key-numbers.js";
import { COMMON_PREFIX } from "./put.js";
import type { Share, Workload } from "./workload.js";

/** Ranges over `span` keys each, of a key space that was filled before. */
export function rangeWorkload(plan: LoadPlan, share: Share): Workload {
  const spans = { ...plan, keySpaceSize: Math.max(1, plan.keySpaceSize - plan.span + 1) };
  const next = keyNumbers(spans, share);
  const template = rangeTemplate(plan);
  const answerBytesMin = plan.span * (plan.keySize + plan.valSize);
  return {
    unit: "ranges",
    unitsPerCall: 1,
    open: (connection) =>
      Promise.resolve((done: Done) =>
        connection.unary(RPC.range, template.fill(next()), (failure, answer) => {
          if (failure !== undefined || answer.length >= answerBytesMin) done(failure);
          else done(new Error("a range had fewer keys than asked for: fill the key space first"));
        }),
      ),
  };
}

/** A range from a key to the one `span` numbers on. */
export function rangeTemplate(plan: LoadPlan): KeyTemplate {
  const serializable = plan.consistency === "s";
  const shape = { prefix: COMMON_PREFIX, keyBytes: plan.keySize };
  if (plan.span === 1) {
    return new KeyTemplate({ ...shape, keys: 1 }, ([key]) =>
      RangeRequest.encode(RangeRequest.fromPartial({ key: key!, serializable })).finish(),
    );
  }
  return new KeyTemplate({ ...shape, keys: 2, stride: plan.span }, ([key, rangeEnd]) =>
    RangeRequest.encode(
      RangeRequest.fromPartial({ key: key!, rangeEnd: rangeEnd!, serializable }),
    ).finish(),
  );
}
