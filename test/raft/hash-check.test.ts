import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HashCheck, NOBODY_IS_RIGHT } from "../../src/raft-worker/hash-check.js";

const THREE = [1n, 2n, 3n];
const TWO = [1n, 2n];

describe("HashCheck", () => {
  test("names the member that differs from a majority, whoever reported first", () => {
    const check = new HashCheck();
    assert.deepEqual(check.add(3n, { index: 256, hash: 9n }, THREE), []);
    assert.deepEqual(check.add(1n, { index: 256, hash: 7n }, THREE), []);
    assert.deepEqual(check.add(2n, { index: 256, hash: 7n }, THREE), [3n]);
  });

  test("names a member whose report comes after the majority's", () => {
    const check = new HashCheck();
    check.add(1n, { index: 256, hash: 7n }, THREE);
    assert.deepEqual(check.add(2n, { index: 256, hash: 7n }, THREE), []);
    assert.deepEqual(check.add(3n, { index: 256, hash: 9n }, THREE), [3n]);
  });

  test("compares at equal indexes only", () => {
    const check = new HashCheck();
    check.add(1n, { index: 256, hash: 7n }, THREE);
    check.add(2n, { index: 256, hash: 7n }, THREE);
    assert.deepEqual(check.add(3n, { index: 512, hash: 9n }, THREE), []);
  });

  test("does not count a member that left the group, before or after its report", () => {
    const check = new HashCheck();
    check.add(3n, { index: 256, hash: 9n }, THREE);
    check.add(1n, { index: 256, hash: 7n }, THREE);
    assert.deepEqual(check.add(3n, { index: 256, hash: 9n }, TWO), []);
    assert.deepEqual(check.add(2n, { index: 256, hash: 7n }, TWO), []);
    assert.deepEqual(check.add(3n, { index: 256, hash: 9n }, TWO), []);
  });

  test("names a member again when another leader has to see to it", () => {
    const check = new HashCheck();
    check.add(1n, { index: 256, hash: 7n }, THREE);
    check.add(2n, { index: 256, hash: 7n }, THREE);
    check.named(3n, 256);
    check.leaderChanged();
    assert.deepEqual(check.add(3n, { index: 256, hash: 9n }, THREE), [3n]);
  });

  test("names nobody again", () => {
    const check = new HashCheck();
    check.add(1n, { index: 256, hash: 7n }, THREE);
    check.add(2n, { index: 256, hash: 7n }, THREE);
    check.named(3n, 256);
    assert.deepEqual(check.add(3n, { index: 256, hash: 9n }, THREE), []);
  });

  test("names a member that still differs again, some time later", () => {
    const check = new HashCheck();
    const report = (index: number): bigint[] => {
      check.add(1n, { index, hash: 7n }, THREE);
      check.add(2n, { index, hash: 7n }, THREE);
      return check.add(3n, { index, hash: 9n }, THREE);
    };
    assert.deepEqual(report(256), [3n]);
    check.named(3n, 256);
    assert.deepEqual(report(1024), []);
    assert.deepEqual(report(1280), [3n]);
  });

  test("says that nobody is right when all reported and no majority agrees", () => {
    const check = new HashCheck();
    assert.deepEqual(check.add(1n, { index: 256, hash: 7n }, TWO), []);
    assert.deepEqual(check.add(2n, { index: 256, hash: 8n }, TWO), [NOBODY_IS_RIGHT]);
    check.named(NOBODY_IS_RIGHT, 256);
    check.add(1n, { index: 512, hash: 7n }, TWO);
    assert.deepEqual(check.add(2n, { index: 512, hash: 8n }, TWO), []);
  });

  test("forgets the lowest index, so that a member that never reports costs nothing", () => {
    const check = new HashCheck();
    for (let index = 1; index <= 65; index += 1) check.add(1n, { index, hash: 7n }, THREE);
    check.add(2n, { index: 1, hash: 7n }, THREE);
    assert.deepEqual(check.add(3n, { index: 1, hash: 9n }, THREE), []);
    check.add(2n, { index: 65, hash: 7n }, THREE);
    assert.deepEqual(check.add(3n, { index: 65, hash: 9n }, THREE), [3n]);
  });
});
