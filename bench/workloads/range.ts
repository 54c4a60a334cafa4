import { RangeRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { RPC } from "../client/connection.js";
import type { RangeLoad, RangeSpanLoad } from "../load/loads.js";
import type { Done } from "../load/tally.js";
import { prefixFor } from "../wire/bench-key.js";
import { KeyTemplate } from "../wire/key-template.js";
import { randomNumbers } from "./key-numbers.js";
import { COMMON_PREFIX } from "./put.js";
import type { Workload, WorkloadContext } from "./workload.js";

/** The same range again and again. */
export function rangeWorkload(load: RangeLoad): Workload {
  const request = RangeRequest.fromPartial({
    key: Buffer.from(load.key),
    rangeEnd: Buffer.from(load.rangeEnd),
    serializable: load.serializable,
  });
  const message = Buffer.from(RangeRequest.encode(request).finish());
  return {
    unit: "ranges",
    open: (connection) =>
      Promise.resolve((done) => connection.unary(RPC.range, message, (failure) => done(failure))),
  };
}

/** Ranges over `span` keys each, of a key space that was filled before. */
export function rangeSpanWorkload(load: RangeSpanLoad, context: WorkloadContext): Workload {
  const next = randomNumbers(Math.max(1, load.keySpaceSize - load.span + 1), context);
  const template = rangeTemplate(load);
  const answerBytesMin = load.span * (load.keySize + load.valSize);
  return {
    unit: "ranges",
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
export function rangeTemplate(load: Omit<RangeSpanLoad, "kind">): KeyTemplate {
  const { serializable, keySize } = load;
  const shape = { prefix: prefixFor(COMMON_PREFIX, keySize), keyBytes: keySize };
  if (load.span === 1) {
    return new KeyTemplate({ ...shape, keys: 1 }, ([key]) =>
      RangeRequest.encode(RangeRequest.fromPartial({ key: key!, serializable })).finish(),
    );
  }
  return new KeyTemplate({ ...shape, keys: 2, stride: load.span }, ([key, rangeEnd]) =>
    RangeRequest.encode(
      RangeRequest.fromPartial({ key: key!, rangeEnd: rangeEnd!, serializable }),
    ).finish(),
  );
}
