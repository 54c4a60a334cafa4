import { RangeRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { RPC } from "../client/connection.js";
import type { ListLoad } from "../load/loads.js";
import type { Done, Operation } from "../load/tally.js";
import { prefixEnd } from "../wire/bench-key.js";
import { randomNumbers } from "./key-numbers.js";
import { COMMON_PREFIX } from "./put.js";
import { rangeTemplate } from "./range.js";
import type { Workload, WorkloadContext } from "./workload.js";

const SERIES = { list: 0, get: 1 } as const;

/**
 * Linearizable lists of all keys by the first clients of a thread, and linearizable gets of one key by the
 * others: what a large answer costs, and what it does to others.
 */
export function listWorkload(load: ListLoad, context: WorkloadContext): Workload {
  const next = randomNumbers(load.keySpaceSize, context);
  const get = rangeTemplate({ ...load, span: 1, serializable: false });
  const key = Buffer.from(COMMON_PREFIX);
  const list = Buffer.from(
    RangeRequest.encode(
      RangeRequest.fromPartial({ key, rangeEnd: prefixEnd(COMMON_PREFIX) }),
    ).finish(),
  );
  const objectBytes = load.keySize + load.valSize;
  const expect = (done: Done, series: number, bytesMin: number) => {
    return (failure: Error | undefined, answer: Buffer): void => {
      const isShort = failure === undefined && answer.length < bytesMin;
      done(isShort ? new Error("a range had fewer keys than were filled") : failure, series);
    };
  };
  const lister = (connection: Parameters<Workload["open"]>[0]): Operation => {
    return (done) =>
      connection.unary(RPC.range, list, expect(done, SERIES.list, load.keySpaceSize * objectBytes));
  };
  return {
    unit: "ranges",
    series: Object.keys(SERIES),
    open: (connection, client) =>
      Promise.resolve(
        client < load.listers
          ? lister(connection)
          : (done) =>
              connection.unary(RPC.range, get.fill(next()), expect(done, SERIES.get, objectBytes)),
      ),
  };
}
