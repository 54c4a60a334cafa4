import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { ErrorCode } from "../../src/shared/errors.js";
import {
  AlarmRequest_AlarmAction,
  AlarmType,
  Member,
  MemberListResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { ConfChangeType, encodeConfChange } from "../../src/shared/messages/conf-change.js";
import { EntryKind } from "../../src/shared/messages/entry.js";
import { MachineHarness, put } from "./support/machine.js";
import { type MemberChange, MembersTwin, type PlainMember } from "./support/members-twin.js";
import { runs } from "./support/scale.js";

function member(id: number, urls: readonly string[] = [`http://m${id}`]): PlainMember {
  return { id: BigInt(id), urls, isLearner: false, name: "" };
}

function wire({ id, urls, isLearner, name }: PlainMember): Member {
  return { ID: id, name, peerURLs: [...urls], clientURLs: [], isLearner };
}

function change(it: MachineHarness, { type, ...rest }: MemberChange) {
  const payload = encodeConfChange({ type: ConfChangeType[type], member: wire(rest) });
  return it.apply(EntryKind.confChange, payload);
}

function publish(it: MachineHarness, one: PlainMember): number {
  return it.apply(EntryKind.memberAttributes, Member.encode(wire(one)).finish()).code;
}

function plain(it: MachineHarness): PlainMember[] {
  return it.machine.members
    .all()
    .map(({ ID, peerURLs, isLearner, name }) => ({ id: ID, urls: peerURLs, isLearner, name }));
}

describe("members", () => {
  it("CL-03 answers a change with the new list, ascending by id", () => {
    const it = new MachineHarness();
    change(it, { type: "addVoter", ...member(7) });
    const { code, body, revision } = change(it, { type: "addLearner", ...member(3) });
    assert.deepEqual([code, revision], [0, 1]);
    const list = MemberListResponse.decode(body).members;
    assert.deepEqual(
      list.map(({ ID, isLearner }) => [ID, isLearner]),
      [
        [3n, true],
        [7n, false],
      ],
    );
  });

  it("CL-04 CL-06 CL-07 CL-08 CL-09 refuses by name what a change must not do", () => {
    const it = new MachineHarness();
    for (const id of [1, 2]) change(it, { type: "addVoter", ...member(id) });
    change(it, { type: "addLearner", ...member(3) });
    const code = (type: MemberChange["type"], id: number, urls?: string[]) =>
      change(it, { type, ...member(id, urls) }).code;
    assert.equal(code("addVoter", 1, ["http://new"]), ErrorCode.memberExists);
    assert.equal(code("addVoter", 4, ["http://new", "http://m2"]), ErrorCode.peerUrlExists);
    assert.equal(code("addLearner", 4), ErrorCode.tooManyLearners);
    assert.equal(code("promote", 1), ErrorCode.memberNotLearner);
    assert.equal(code("promote", 9), ErrorCode.memberNotFound);
    assert.equal(code("update", 9), ErrorCode.memberNotFound);
    assert.equal(code("update", 1, ["http://m2"]), ErrorCode.peerUrlExists);
    assert.equal(code("update", 1, ["http://m1"]), 0, "its own URL again");
    assert.equal(code("remove", 9), ErrorCode.memberNotFound);
    assert.equal(code("remove", 2), 0);
    assert.equal(code("remove", 2), ErrorCode.memberNotFound, "removed before");
    assert.equal(code("addVoter", 2), ErrorCode.memberNotFound, "an id is not given out again");
    assert.equal(code("remove", 1), ErrorCode.notEnoughStarted, "the last voter");
    assert.equal(code("remove", 3), 0);
  });

  it("takes name and client URLs alone from a member, and from no stranger anything", () => {
    const it = new MachineHarness();
    change(it, { type: "addLearner", ...member(1) });
    assert.equal(publish(it, { id: 1n, urls: ["http://x"], isLearner: false, name: "one" }), 0);
    assert.deepEqual(plain(it), [{ ...member(1), isLearner: true, name: "one" }]);
    assert.equal(publish(it, { ...member(2), name: "two" }), 0);
    assert.equal(plain(it).length, 1);
  });

  it("leaves a survivor alone in a forced new cluster, as a voter, even one that was removed", () => {
    const it = new MachineHarness();
    for (const id of [1, 2, 3]) change(it, { type: "addVoter", ...member(id) });
    change(it, { type: "remove", ...member(3) });
    assert.equal(change(it, { type: "forceNewCluster", ...member(3) }).code, 0);
    assert.deepEqual([plain(it), it.machine.members.removed()], [[member(3)], [1n, 2n]]);
    const { members, removedMembers } = it.machine.tables.take();
    const stays = (rows: typeof members) => rows.filter(([, row]) => row).map(([id]) => id);
    assert.deepEqual([stays(members), stays(removedMembers)], [[3n], [1n, 2n]]);
  });

  it("refuses bytes that are no change, and changes nothing", () => {
    const it = new MachineHarness();
    for (const body of [Uint8Array.of(), Uint8Array.of(99), Uint8Array.of(1, 255)]) {
      assert.equal(it.apply(EntryKind.confChange, body).code, ErrorCode.malformedRequest);
    }
    assert.deepEqual(plain(it), []);
  });

  it("is as its slow twin says after any changes, and gives no id out twice", () => {
    const id = fc.nat(5).map((n) => BigInt(n + 1));
    const urls = fc.uniqueArray(fc.constantFrom("http://a", "http://b", "http://c", "http://d"), {
      minLength: 1,
      maxLength: 2,
    });
    const type = fc.constantFrom(
      "addVoter" as const,
      "addVoter" as const,
      "addLearner" as const,
      "promote" as const,
      "remove" as const,
      "update" as const,
    );
    const one = fc.record({ type, id, urls, isLearner: fc.boolean(), name: fc.constant("") });
    fc.assert(
      fc.property(fc.array(one, { maxLength: 40 }), (changes) => {
        const [first, second] = [new MachineHarness(), new MachineHarness()];
        const twin = new MembersTwin();
        const gone = new Set<bigint>();
        for (const each of changes) {
          const expected = twin.apply(each);
          assert.equal(change(first, each).code, expected);
          change(second, each);
          if (each.type === "remove" && expected === 0) gone.add(each.id);
          assert.deepEqual(plain(first), twin.members());
          assert.ok(plain(first).every((left) => !gone.has(left.id)));
        }
        assert.deepEqual(plain(second), plain(first));
        assert.deepEqual(new Set(second.machine.members.removed()), gone);
        assert.equal(second.machine.stateHash, first.machine.stateHash);
      }),
      { numRuns: runs(300) },
    );
  });
});

describe("a CORRUPT alarm", () => {
  const raise = (it: MachineHarness, id: bigint) => it.activate(id, AlarmType.CORRUPT);
  const write = (it: MachineHarness) => it.put(put("a", "1")).code;

  it("MT-26 stops the writes of all when it names nobody, or the only voter", () => {
    const it = new MachineHarness();
    change(it, { type: "addVoter", ...member(1) });
    raise(it, 1n);
    assert.equal(write(it), ErrorCode.corrupt);
    it.alarm(AlarmRequest_AlarmAction.DEACTIVATE, 1n, AlarmType.CORRUPT);
    assert.equal(write(it), 0);
    change(it, { type: "addVoter", ...member(2) });
    raise(it, 0n);
    assert.equal(write(it), ErrorCode.corrupt);
  });

  it("leaves the others going when it names one of several, also after its removal", () => {
    const it = new MachineHarness();
    for (const id of [1, 2, 3]) change(it, { type: "addVoter", ...member(id) });
    raise(it, 2n);
    assert.equal(write(it), 0);
    change(it, { type: "remove", ...member(2) });
    assert.equal(write(it), 0);
    change(it, { type: "remove", ...member(3) });
    assert.equal(write(it), 0);
    raise(it, 1n);
    assert.equal(write(it), ErrorCode.corrupt, "the one that is left");
  });
});
