import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type {
  HashKVResponse,
  RangeResponse,
  RangeStreamResponse,
  StatusResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import type { KeyValue } from "../../src/shared/gen/mvccpb/kv.js";
import { skipWithoutEtcd, startCapstan, startEtcd } from "../support/server-process.js";
import { EDGE_SCRIPTS } from "./scripted-edges.js";
import {
  DELETE_SCRIPTS,
  HEADER_SCRIPTS,
  MODEL_SCRIPTS,
  PUT_SCRIPTS,
  RANGE_SCRIPTS,
} from "./scripted-kv.js";
import { LEASE_SCRIPTS } from "./scripted-lease.js";
import { holds, ServerPair } from "./scripted-run.js";
import { ScriptSession } from "./scripted-session.js";
import { hashKv, type Script, STATUS, type Step } from "./scripted-steps.js";
import {
  COMPACT_SCRIPTS,
  TXN_CHECK_SCRIPTS,
  TXN_COMPARE_SCRIPTS,
  TXN_RUN_SCRIPTS,
} from "./scripted-txn.js";
import {
  ENDS_OF_ETCD,
  RANGE_STREAM_STEPS,
  VERSION_DIFFERENCES,
  WHOLE_RANGE,
  WHOLE_STREAM,
} from "./scripted-versions.js";
import {
  WATCH_CREATE_SCRIPTS,
  WATCH_EVENT_SCRIPTS,
  WATCH_GROUP_SCRIPTS,
} from "./scripted-watch.js";
import type { CallOutcome } from "./session.js";

/** CAPSTAN_DIFF_CHALLENGER=etcd compares etcd with itself, to try the scripts. */
const challenger =
  process.env.CAPSTAN_DIFF_CHALLENGER === "etcd"
    ? (flags: readonly string[] = []) => startEtcd({ flags })
    : undefined;

const SECTIONS: readonly (readonly [name: string, scripts: readonly Script[]])[] = [
  ["1 model", MODEL_SCRIPTS],
  ["2 headers", HEADER_SCRIPTS],
  ["3 range", RANGE_SCRIPTS],
  ["4 put", PUT_SCRIPTS],
  ["5 delete range", DELETE_SCRIPTS],
  ["6.1 txn checks", TXN_CHECK_SCRIPTS],
  ["6.2 txn compares", TXN_COMPARE_SCRIPTS],
  ["6.3 txn runs", TXN_RUN_SCRIPTS],
  ["7 compact", COMPACT_SCRIPTS],
  ["8.1 watch creation", WATCH_CREATE_SCRIPTS],
  ["8.2 watch events", WATCH_EVENT_SCRIPTS],
  ["8.3 watch grouping and progress", WATCH_GROUP_SCRIPTS],
  ["9 lease", LEASE_SCRIPTS],
  ["the ends", EDGE_SCRIPTS],
];

for (const store of [undefined, "compacted"] as const) {
  const on = store === undefined ? "scripted calls, capstan beside etcd" : "those that compact";
  describe(on, { skip: skipWithoutEtcd() }, () => {
    let shared: ServerPair;
    before(async () => {
      shared = await ServerPair.start([], challenger);
    });
    after(() => shared.dispose());

    for (const [section, scripts] of SECTIONS) {
      describe(section, () => {
        for (const { name, steps } of scripts.filter((script) => script.store === store)) {
          test(name, async () => {
            assert.equal(await shared.compare(steps), undefined);
            await shared.clean();
          });
        }
      });
    }
  });
}

describe("those that need servers of their own", { skip: skipWithoutEtcd() }, () => {
  const own = SECTIONS.flatMap(([, scripts]) => scripts).filter(({ store }) => store === "own");
  for (const { name, flags, steps } of own) {
    test(name, async () => {
      const pair = await ServerPair.start(flags, challenger);
      try {
        assert.equal(await pair.compare(steps), undefined);
      } finally {
        await pair.dispose();
      }
    });
  }
});

describe("what 3.7 does unlike 3.5", { skip: skipWithoutEtcd() }, () => {
  let pair: ServerPair;
  before(async () => {
    pair = await ServerPair.start();
  });
  after(() => pair.dispose());

  for (const { name, setup, step, etcd, capstan } of VERSION_DIFFERENCES) {
    test(name, async () => {
      for (const each of setup) await pair.run(each);
      const [fromEtcd, fromCapstan] = await pair.run(step);
      assert.ok(holds(fromCapstan, capstan), `capstan gives ${JSON.stringify(fromCapstan)}`);
      assert.ok(holds(fromEtcd, etcd), `etcd gives ${JSON.stringify(fromEtcd)}`);
    });
  }

  test("RangeStream: refusals, one message, limit", async () => {
    for (const [name, step] of RANGE_STREAM_STEPS) {
      const [, given] = await pair.run(step);
      assert.ok(holds(given, step.expected), `${name}: capstan gives ${JSON.stringify(given)}`);
    }
  });

  test("RS-02 RS-03 RS-04: the parts make the whole, ten keys first, the header last", async () => {
    const whole = (await capstanAnswer(pair, WHOLE_RANGE)) as RangeResponse;
    const stream = (await capstanAnswer(pair, WHOLE_STREAM)) as { messages: RangeStreamResponse[] };
    const parts = stream.messages.map(({ rangeResponse }) => rangeResponse);
    const kvs = parts.flatMap((part): KeyValue[] => part?.kvs ?? []);
    assert.deepEqual(kvs, whole.kvs);
    assert.ok((parts[0]?.kvs.length ?? 0) <= 10);
    assert.deepEqual(
      parts.slice(0, -1).map((part) => [part?.header, part?.count, part?.more]),
      parts.slice(0, -1).map(() => [undefined, 0n, false]),
    );
    const last = parts.at(-1);
    assert.deepEqual([last?.count, last?.more], [25n, false]);
    assert.equal(last?.header?.revision, whole.header?.revision);
  });

  test("MT-05: Status tells storage version, quota and downgrade; HashKV its revision", async () => {
    const status = (await capstanAnswer(pair, STATUS)) as StatusResponse;
    assert.match(status.version, /^3\.7\.\d+$/);
    assert.match(status.storageVersion, /^3\.7\.0$/);
    assert.equal(status.dbSizeQuota, 2_147_483_648n);
    assert.deepEqual(status.downgradeInfo, { enabled: false, targetVersion: "" });
    const hash = (await capstanAnswer(pair, hashKv(0))) as HashKVResponse;
    assert.equal(hash.hashRevision, hash.header?.revision);
  });
});

describe("what would end etcd 3.5", () => {
  test("T-17 R-02: capstan answers, and goes on", async () => {
    const capstan = await startCapstan();
    const session = new ScriptSession(capstan.target);
    try {
      for (const { operation, expected } of ENDS_OF_ETCD) {
        const outcome = await session.run(operation);
        assert.ok(holds(outcome, expected), `${operation.kind}: ${outcome.ok}`);
      }
    } finally {
      session.close();
      await capstan.dispose();
    }
  });
});

async function capstanAnswer(pair: ServerPair, step: Step): Promise<unknown> {
  const [, outcome] = await pair.outcomes(step);
  assert.ok(outcome.ok);
  return (outcome as CallOutcome & { ok: true }).response;
}
