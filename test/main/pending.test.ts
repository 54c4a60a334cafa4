import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type AnswerHandler, PendingTable } from "../../src/main/frontend/pending.js";
import { ErrorCode } from "../../src/shared/errors.js";

function setUp(limits = { countMax: 3, bytesMax: 100 }) {
  const answers: string[] = [];
  const table = new PendingTable(limits);
  const handler =
    (name: string): AnswerHandler =>
    (code, revision, bytes, offset, length) => {
      const body = Buffer.from(bytes.subarray(offset, offset + length)).toString();
      answers.push(`${name}:${code}:${revision}:${body}`);
    };
  return { table, answers, handler };
}

describe("PendingTable", () => {
  test("answers once, with the body's place in the ring", () => {
    const { table, answers, handler } = setUp();
    const id = table.add(handler("a"), 10, 0)!;
    table.answer(id, 0, 7, Buffer.from("..body.."), 2, 4);
    table.answer(id, 0, 8, Buffer.from("again"), 0, 5);
    assert.deepEqual(answers, ["a:0:7:body"]);
  });

  test("refuses more requests, or more bytes, than it may hold", () => {
    const { table, handler } = setUp();
    assert.equal(table.add(handler("a"), 90, 0), 1);
    assert.equal(table.add(handler("too many bytes"), 20, 0), undefined);
    assert.equal(table.add(handler("b"), 5, 0), 2);
    assert.equal(table.add(handler("c"), 5, 0), 3);
    assert.equal(table.add(handler("too many"), 0, 0), undefined);
    table.refuse(1, ErrorCode.timeout);
    assert.equal(table.add(handler("room again"), 90, 0), 4);
  });

  test("takes one request larger than the bound when nothing else waits", () => {
    const { table, handler } = setUp();
    assert.equal(table.add(handler("large"), 1000, 0), 1);
  });

  test("expires the oldest first and stops at the first young one", () => {
    const { table, answers, handler } = setUp();
    table.add(handler("old"), 1, 10);
    table.add(handler("edge"), 1, 20);
    table.add(handler("young"), 1, 21);
    assert.equal(
      table.expire(20, () => ErrorCode.timeout),
      2,
    );
    assert.deepEqual(answers, [`old:${ErrorCode.timeout}:0:`, `edge:${ErrorCode.timeout}:0:`]);
    assert.equal(table.count, 1);
  });

  test("patient requests count and never expire; abandoned ones are not answered", () => {
    const { table, answers, handler } = setUp();
    const patient = table.addPatient(handler("patient"), 1, () => {});
    const gone = table.addPatient(handler("gone"), 1, () => {});
    assert.equal(
      table.expire(Number.POSITIVE_INFINITY, () => ErrorCode.timeout),
      0,
    );
    assert.equal(table.count, 2);
    table.abandon(gone ?? 0);
    table.refuse(gone ?? 0, ErrorCode.timeout);
    table.refuse(patient ?? 0, ErrorCode.noLeader);
    assert.deepEqual(answers, [`patient:${ErrorCode.noLeader}:0:`]);
    assert.equal(table.count, 0);
  });

  test("only patient requests that still wait are sent again", () => {
    const { table, answers, handler } = setUp();
    const sent: number[] = [];
    const send = (id: number): void => void sent.push(id);
    const ordinary = table.add(handler("ordinary"), 1, 0) ?? 0;
    const patient = table.addPatient(handler("patient"), 1, send) ?? 0;
    const gone = table.addPatient(handler("gone"), 1, send) ?? 0;
    table.abandon(gone);
    const told = [ordinary, patient, gone].map((id) => table.sendAgain(id));
    assert.deepEqual(told, [false, true, false]);
    assert.deepEqual(sent, [patient]);
    assert.equal(table.refuse(patient, ErrorCode.stopped), true);
    assert.equal(table.sendAgain(patient), false);
    assert.equal(table.refuse(patient, ErrorCode.stopped), false);
    assert.deepEqual(answers, [`patient:${ErrorCode.stopped}:0:`]);
  });
});
