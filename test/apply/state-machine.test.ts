import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ErrorCode } from "../../src/shared/errors.js";
import {
  AlarmRequest_AlarmAction as Action,
  AlarmResponse,
  AlarmType,
  LeaseCheckpointRequest,
  LeaseGrantResponse,
  Member,
  Compare_CompareResult as Result,
  Compare_CompareTarget as Target,
  TxnRequest,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { Lease } from "../../src/shared/gen/leasepb/lease.js";
import { EntryKind } from "../../src/shared/messages/entry.js";
import {
  bytes,
  compare,
  del,
  get,
  MachineHarness,
  op,
  plain,
  put,
  txn,
} from "./support/machine.js";
import { runs } from "./support/scale.js";

describe("put", () => {
  it("M-01 M-05 M-06 P-04 gives revisions, versions and lives", () => {
    const it = new MachineHarness();
    assert.equal(it.put(put("a", "1")).revision, 2);
    assert.equal(it.put(put("a", "1")).revision, 3);
    it.del(del("a"));
    it.put(put("a", "2"));
    assert.deepEqual(it.read("a"), [
      { key: "a", value: "2", create: 5, mod: 5, version: 1, lease: 0 },
    ]);
    assert.deepEqual(it.read("a", "", 3), [
      { key: "a", value: "1", create: 2, mod: 3, version: 2, lease: 0 },
    ]);
  });

  it("P-02 P-03 returns the previous key value only when asked and there was one", () => {
    const it = new MachineHarness();
    assert.equal(it.put(put("a", "1", { prevKv: true })).response.prevKv, undefined);
    assert.equal(it.put(put("a", "2")).body.length, 0);
    const previous = it.put(put("a", "3", { prevKv: true })).response.prevKv;
    assert.deepEqual(plain(previous), {
      key: "a",
      value: "2",
      create: 2,
      mod: 3,
      version: 2,
      lease: 0,
    });
  });

  it("P-05 P-10 refuses an unknown lease and writes nothing", () => {
    const it = new MachineHarness();
    const result = it.put(put("a", "1", { lease: 9n }));
    assert.equal(result.code, ErrorCode.leaseNotFound);
    assert.equal(it.revision, 1);
  });

  it("P-06 L-08 moves a key between leases and away from them", () => {
    const it = new MachineHarness();
    it.grant(1n, 10n);
    it.grant(2n, 10n);
    const attached = () => [1n, 2n].map((id) => it.machine.leaseKeys.keys(id).map(String));
    it.put(put("a", "1", { lease: 1n }));
    it.put(put("b", "1", { lease: 1n }));
    assert.equal(attached()[0]?.length, 2);
    it.put(put("a", "1", { lease: 2n }));
    assert.deepEqual(
      it.machine.leaseKeys.keys(2n).map((key) => Buffer.from(key).toString()),
      ["a"],
    );
    it.put(put("a", "1"));
    it.del(del("b"));
    assert.deepEqual(attached(), [[], []]);
  });

  it("P-07 P-08 P-09 keeps value or lease or both, and needs the key for that", () => {
    const it = new MachineHarness();
    it.grant(5n, 10n);
    const missing = it.put(put("a", "", { ignoreValue: true }));
    assert.equal(missing.code, ErrorCode.keyNotFound);
    it.put(put("a", "1", { lease: 5n }));
    it.put(put("a", "", { ignoreValue: true }));
    assert.equal(it.read("a")[0]?.value, "1");
    assert.equal(it.read("a")[0]?.lease, 0);
    it.put(put("a", "2", { lease: 5n }));
    it.put(put("a", "3", { ignoreLease: true }));
    it.put(put("a", "", { ignoreLease: true, ignoreValue: true }));
    assert.deepEqual(it.read("a"), [
      { key: "a", value: "3", create: 2, mod: 6, version: 5, lease: 5 },
    ]);
    assert.equal(it.machine.leaseKeys.keys(5n).length, 1);
  });
});

describe("delete range", () => {
  it("D-02 D-07 H-04 counts nothing and keeps the revision when there is nothing", () => {
    const it = new MachineHarness();
    it.put(put("b", ""));
    for (const request of [del("a"), del("b", "a"), del("b", "b")]) {
      const result = it.del(request);
      assert.deepEqual([result.code, result.revision, result.body.length], [0, 2, 0]);
    }
  });

  it("D-03 D-04 H-03 deletes in key order in one revision and gives what was there", () => {
    const it = new MachineHarness();
    for (const key of ["b", "a", "c"]) it.put(put(key, `v${key}`));
    const result = it.del(del("a", "c", true));
    assert.equal(result.revision, 5);
    assert.equal(result.response.deleted, 2n);
    assert.deepEqual(
      result.response.prevKvs.map((one) => plain(one)?.value),
      ["va", "vb"],
    );
    assert.deepEqual(it.history().slice(-2), ["5.0 del a", "5.1 del b"]);
  });
});

describe("txn", () => {
  it("T-07 H-06 succeeds when it is empty, at the old revision", () => {
    const it = new MachineHarness();
    const result = it.txn({});
    assert.deepEqual([result.code, result.revision], [0, 1]);
    assert.deepEqual(result.response, { header: undefined, succeeded: true, responses: [] });
  });

  it("T-11 compares everything before it writes anything", () => {
    const it = new MachineHarness();
    const nested = txn({
      compare: [compare("a", { target: Target.VERSION, result: Result.EQUAL })],
      success: [op.put(put("yes", ""))],
      failure: [op.put(put("no", ""))],
    });
    it.txn({ success: [op.put(put("a", "1")), op.txn(nested)] });
    assert.equal(it.read("yes").length, 1);
    assert.equal(it.read("no").length, 0);
  });

  it("T-12 finds a value compare of a missing key false, with any operator", () => {
    const it = new MachineHarness();
    for (const result of [Result.EQUAL, Result.NOT_EQUAL, Result.LESS, Result.GREATER]) {
      const targetUnion = { $case: "value", value: bytes("x") } as const;
      const compares = [compare("a", { target: Target.VALUE, result, targetUnion })];
      assert.equal(it.txn({ compare: compares }).response.succeeded, false);
    }
  });

  it("T-15 fails as a whole, before any write, when an op of the taken path cannot run", () => {
    const it = new MachineHarness();
    it.put(put("k", "1"));
    it.put(put("k", "2"));
    it.compact(2);
    const cases = [
      [op.get(get("k", { revision: 4n })), ErrorCode.futureRevision],
      [op.get(get("k", { revision: 1n })), ErrorCode.compacted],
      [op.get(get("k", { revision: -1n })), ErrorCode.compacted],
      [op.put(put("z", "", { lease: 7n })), ErrorCode.leaseNotFound],
      [op.put(put("z", "", { ignoreValue: true })), ErrorCode.keyNotFound],
      [op.get(get("k", { sortOrder: 3 as never })), ErrorCode.invalidSortOption],
      [op.get(get("")), ErrorCode.emptyKey],
      [op.put(put("", "")), ErrorCode.emptyKey],
      [op.del(del("")), ErrorCode.emptyKey],
      [{ request: undefined }, ErrorCode.keyNotFound],
    ] as const;
    for (const [bad, code] of cases) {
      const nested = op.txn(txn({ success: [bad] }));
      for (const last of [bad, nested]) {
        assert.equal(it.txn({ success: [op.put(put("a", "")), last] }).code, code);
      }
      const untaken = it.txn({ failure: [bad] });
      assert.equal(untaken.code, 0, "ops of the untaken branch are not checked");
    }
    assert.equal(it.revision, 3);
  });

  it("T-15 takes revision -1 for the latest on a store that was never compacted", () => {
    const it = new MachineHarness();
    it.put(put("k", "1"));
    assert.equal(it.txn({ success: [op.get(get("k", { revision: -1n }))] }).code, 0);
    const result = it.txn({ success: [op.get(get("k", { revision: -2n }))] });
    assert.equal(result.code, ErrorCode.compacted);
  });

  it("T-16 does not let a range name the revision that the txn writes", () => {
    const it = new MachineHarness();
    const ops = [op.put(put("a", "")), op.get(get("a", { revision: 2n }))];
    assert.equal(it.txn({ success: ops }).code, ErrorCode.futureRevision);
  });

  it("T-18 T-19 T-20 H-20 H-21 H-22 H-23 runs in order and answers each op", () => {
    const it = new MachineHarness();
    it.put(put("k", "old"));
    const nested = txn({ success: [op.put(put("n", "1")), op.get(get("k"))] });
    const { response, revision } = it.txn({
      success: [
        op.get(get("k")),
        op.del(del("missing")),
        op.put(put("k", "new")),
        op.get(get("k")),
        op.del(del("missing")),
        op.del(del("k")),
        op.get(get("k")),
        op.txn(nested),
      ],
    });
    assert.equal(revision, 3);
    const summary = response.responses.map(({ response: one }) => {
      const value = one?.$case === "responseRange" ? plain(one.value.kvs[0])?.value : undefined;
      return [one?.$case, Number(one?.value.header?.revision), value];
    });
    assert.deepEqual(summary, [
      ["responseRange", 2, "old"],
      ["responseDeleteRange", 2, undefined],
      ["responsePut", 3, undefined],
      ["responseRange", 3, "new"],
      ["responseDeleteRange", 3, undefined],
      ["responseDeleteRange", 3, undefined],
      ["responseRange", 3, undefined],
      ["responseTxn", 0, undefined],
    ]);
    assert.deepEqual(it.history().slice(-3), ["3.0 put k", "3.1 del k", "3.2 put n"]);
    const last = response.responses.at(-1)?.response;
    assert.ok(last?.$case === "responseTxn");
    assert.equal(last.value.succeeded, true);
    assert.equal(last.value.responses.length, 2);
  });

  it("T-25 M-07 shows the state right before each op", () => {
    const it = new MachineHarness();
    it.put(put("k", "1"));
    const { response } = it.txn({
      success: [op.del(del("k", "", true)), op.put(put("k", "2", { prevKv: true }))],
    });
    const [deleted, written] = response.responses.map(({ response: one }) => one);
    assert.ok(deleted?.$case === "responseDeleteRange" && written?.$case === "responsePut");
    assert.equal(plain(deleted.value.prevKvs[0])?.value, "1");
    assert.equal(written.value.prevKv, undefined);
    assert.deepEqual(it.read("k"), [
      { key: "k", value: "2", create: 3, mod: 3, version: 1, lease: 0 },
    ]);
  });

  it("T-17 writes an empty value when an earlier op deleted the key it should keep", () => {
    const it = new MachineHarness();
    it.put(put("k", "1"));
    const ops = [op.del(del("k", "\0")), op.put(put("k", "", { ignoreValue: true }))];
    assert.equal(it.txn({ success: ops }).code, 0);
    assert.equal(it.read("k")[0]?.value, "");
  });

  it("T-27 checks the lease before the key", () => {
    const it = new MachineHarness();
    const bad = op.put(put("k", "", { lease: 4n, ignoreValue: true }));
    assert.equal(it.txn({ success: [bad] }).code, ErrorCode.leaseNotFound);
  });
});

describe("compact", () => {
  it("C-01 C-02 C-03 C-11 H-07 accepts each revision once, up to the current one", () => {
    const it = new MachineHarness();
    assert.equal(it.compact(-1).code, ErrorCode.compacted);
    assert.equal(it.compact(0).code, 0);
    assert.equal(it.compact(0).code, ErrorCode.compacted);
    it.put(put("a", ""));
    assert.equal(it.compact(3).code, ErrorCode.futureRevision);
    const result = it.compact(2);
    assert.deepEqual([result.code, result.revision, result.awaitsCompaction], [0, 2, false]);
    assert.equal(it.space.view.compactRevision, 2);
  });

  it("C-08 makes a physical one wait, a repeated one too", () => {
    const it = new MachineHarness();
    it.put(put("a", ""));
    assert.equal(it.compact(2, true).awaitsCompaction, true);
    const again = it.compact(2, true);
    assert.deepEqual([again.code, again.awaitsCompaction], [ErrorCode.compacted, true]);
    assert.equal(it.compact(9, true).awaitsCompaction, false);
  });
});

describe("leases in the log", () => {
  it("L-04 H-08 answers id and granted TTL at the old revision", () => {
    const it = new MachineHarness();
    const result = it.grant(7n, 1n);
    assert.deepEqual(LeaseGrantResponse.decode(result.body), {
      header: undefined,
      ID: 7n,
      TTL: 2n,
      error: "",
    });
    assert.equal(result.revision, 1);
    assert.equal(it.grant(0n, 10n).code, ErrorCode.leaseNotFound);
  });

  it("L-06 L-07 H-09 M-03 deletes attached keys in one revision and ascending order", () => {
    const it = new MachineHarness();
    it.grant(1n, 10n);
    for (const key of ["c", "a", "b"]) it.put(put(key, "", { lease: 1n }));
    it.put(put("d", ""));
    assert.equal(it.revoke(1n).revision, 6);
    assert.deepEqual(it.history().slice(-3), ["6.0 del a", "6.1 del b", "6.2 del c"]);
    assert.equal(it.revoke(1n).code, ErrorCode.leaseNotFound);
    it.grant(1n, 10n);
    assert.equal(it.revoke(1n).revision, 6, "without keys no revision");
  });

  it("stores grants, recorded times and revokes for the checkpoint", () => {
    const it = new MachineHarness();
    it.grant(1n, 10n);
    it.grant(2n, 10n);
    const request = {
      checkpoints: [
        { ID: 1n, remainingTTL: 4n },
        { ID: 99n, remainingTTL: 4n },
        { ID: 2n, remainingTTL: -4n },
      ],
    };
    const payload = LeaseCheckpointRequest.encode(request).finish();
    assert.equal(it.apply(EntryKind.leaseCheckpoint, payload).code, 0);
    it.revoke(2n);
    const leases = new Map(it.machine.tables.take().leases);
    assert.deepEqual(Lease.decode(leases.get(1n) ?? new Uint8Array(0)), {
      ID: 1n,
      TTL: 10n,
      RemainingTTL: 4n,
    });
    assert.deepEqual([...leases.keys()], [1n, 2n]);
    assert.equal(leases.get(2n), undefined);
    assert.equal(it.machine.tables.take().leases.length, 0);
  });
});

describe("alarms and space", () => {
  it("MT-10 MT-11 MT-12 MT-13 MT-14 raises, lists and takes back pairs of member and type", () => {
    const it = new MachineHarness();
    const run = (...args: Parameters<MachineHarness["alarm"]>) => {
      const { code, body } = it.alarm(...args);
      const alarms = AlarmResponse.decode(body).alarms.map((one) => [one.memberID, one.alarm]);
      return [code, alarms];
    };
    const first = [5n, AlarmType.NOSPACE];
    assert.deepEqual(run(Action.ACTIVATE, 5n, AlarmType.NONE), [0, []]);
    assert.deepEqual(run(Action.ACTIVATE, 5n, AlarmType.NOSPACE), [0, [first]]);
    assert.deepEqual(run(Action.ACTIVATE, 5n, AlarmType.NOSPACE), [0, [first]]);
    run(Action.ACTIVATE, 6n, AlarmType.CORRUPT);
    assert.deepEqual(run(Action.GET, 0n, AlarmType.NONE), [0, [first, [6n, AlarmType.CORRUPT]]]);
    assert.deepEqual(run(Action.GET, 6n, AlarmType.NOSPACE), [0, [first]]);
    assert.deepEqual(run(Action.DEACTIVATE, 6n, AlarmType.NOSPACE), [0, []]);
    assert.deepEqual(run(Action.DEACTIVATE, 5n, AlarmType.NOSPACE), [0, [first]]);
    assert.deepEqual(run(9 as never, 5n, AlarmType.NOSPACE), [ErrorCode.unknownAlarmAction, []]);
    assert.deepEqual(it.machine.tables.take().alarms, [
      { memberId: 5n, alarm: AlarmType.NOSPACE, raised: false },
      { memberId: 6n, alarm: AlarmType.CORRUPT, raised: true },
    ]);
  });

  it("MT-23 MT-24 refuses what needs room while any NOSPACE alarm is raised", () => {
    const it = new MachineHarness();
    it.put(put("a", ""));
    it.grant(1n, 10n);
    it.activate(77n, AlarmType.NOSPACE);
    assert.equal(it.put(put("a", "")).code, ErrorCode.noSpace);
    assert.equal(it.grant(2n, 10n).code, ErrorCode.noSpace);
    const inner = txn({ failure: [op.put(put("a", ""))] });
    assert.equal(it.txn({ failure: [op.txn(inner)] }).code, ErrorCode.noSpace);
    assert.equal(it.txn({ success: [op.del(del("b")), op.get(get("a"))] }).code, 0);
    assert.equal(it.revoke(1n).code, 0);
    assert.equal(it.del(del("a")).code, 0);
    assert.equal(it.compact(2).code, 0);
    it.alarm(Action.DEACTIVATE, 77n, AlarmType.NOSPACE);
    assert.equal(it.put(put("a", "")).code, 0);
  });

  it("MT-26 refuses every write while CORRUPT is raised, and says so before NOSPACE", () => {
    const it = new MachineHarness();
    it.grant(1n, 10n);
    it.activate(1n, AlarmType.NOSPACE);
    it.activate(1n, AlarmType.CORRUPT);
    const codes = [
      it.put(put("a", "")),
      it.del(del("a")),
      it.txn({}),
      it.compact(1),
      it.grant(2n, 10n),
      it.revoke(1n),
    ].map(({ code }) => code);
    assert.deepEqual(codes, Array(6).fill(ErrorCode.corrupt));
    const member = { ID: 1n, name: "m", peerURLs: [], clientURLs: [], isLearner: false };
    assert.equal(it.apply(EntryKind.memberAttributes, Member.encode(member).finish()).code, 0);
  });

  it("MT-20 MT-22 executes what crosses the quota and answers no space", () => {
    let used = 0;
    const it = new MachineHarness({ bytesMax: 1000, usedBytes: () => used });
    assert.equal(it.put(put("k", "x".repeat(742))).code, 0, "999 bytes fit into 1000");
    const crossing = it.put(put("k", "x".repeat(743), { prevKv: true }));
    assert.deepEqual(
      [crossing.code, crossing.foundNoSpace, crossing.body.length],
      [ErrorCode.noSpace, true, 0],
    );
    assert.equal(it.read("k")[0]?.mod, 3);
    used = 960;
    assert.equal(it.grant(1n, 10n).code, ErrorCode.noSpace);
    assert.ok(it.lessor.get(1n), "granted nevertheless");
    assert.equal(it.txn({ failure: [op.put(put("k", ""))] }).code, ErrorCode.noSpace);
    assert.equal(it.txn({ success: [op.del(del("k"))] }).code, 0);
    const refusal = it.put(put("k", "", { lease: 44n }));
    assert.deepEqual(
      [refusal.code, refusal.foundNoSpace],
      [ErrorCode.leaseNotFound, false],
      "its own refusal comes first",
    );
  });
});

describe("entries", () => {
  it("applies each index once and stops at a gap", () => {
    const it = new MachineHarness();
    it.put(put("a", ""));
    const entry = { index: 1, term: 1, kind: EntryKind.none, payload: new Uint8Array(0) };
    assert.equal(it.machine.apply(entry, 0), undefined);
    assert.throws(() => it.machine.apply({ ...entry, index: 3 }, 0), /gap in the committed/);
    assert.equal(it.machine.appliedIndex, 1);
  });

  it("answers a malformed entry of any kind by a code and stays whole", () => {
    const kinds = fc.integer({ min: 0, max: 12 });
    fc.assert(
      fc.property(fc.array(fc.tuple(kinds, fc.uint8Array({ maxLength: 60 }))), (entries) => {
        const it = new MachineHarness();
        for (const [kind, payload] of entries) it.apply(kind as EntryKind, payload);
        const before = it.revision;
        const { code } = it.put(put("still", "here"));
        const refused = it.machine.alarms.all().length > 0;
        assert.ok(refused || (code === 0 && it.revision === before + 1));
      }),
      { numRuns: runs(500) },
    );
  });

  it("refuses a request that was cut off anywhere, or applies a shorter valid one", () => {
    const it = new MachineHarness();
    const nested = op.txn(txn({ success: [op.put(put("key", "value"))] }));
    const compares = [compare("k", { target: Target.VALUE, rangeEnd: bytes("l") })];
    const whole = { compare: compares, success: [nested, op.get(get("a"))], failure: [nested] };
    const result = it.txn(whole);
    assert.equal(result.code, 0);
    // Every prefix and every flipped byte: what matters is that nothing throws.
    const payload = TxnRequest.encode(txn(whole)).finish();
    for (let cut = 0; cut < payload.length; cut++) {
      it.apply(EntryKind.txn, payload.subarray(0, cut));
      const flipped = Uint8Array.from(payload);
      flipped[cut] = (flipped[cut] ?? 0) ^ (1 << (cut % 8));
      it.apply(EntryKind.txn, flipped);
    }
    assert.equal(it.put(put("still", "here")).code, 0);
  });
});
