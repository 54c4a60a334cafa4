import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { HashCheck, NOBODY_IS_RIGHT } from "../../src/raft-worker/hash-check.js";

describe("HashCheck", () => {
  test("names the member that differs from a majority, whoever reported first", () => {
    const check = new HashCheck();
    assert.deepEqual(check.add(3n, { index: 256, hash: 9n }, 3), []);
    assert.deepEqual(check.add(1n, { index: 256, hash: 7n }, 3), []);
    assert.deepEqual(check.add(2n, { index: 256, hash: 7n }, 3), [3n]);
  });

  test("names a member whose report comes after the majority's", () => {
    const check = new HashCheck();
    check.add(1n, { index: 256, hash: 7n }, 3);
    assert.deepEqual(check.add(2n, { index: 256, hash: 7n }, 3), []);
    assert.deepEqual(check.add(3n, { index: 256, hash: 9n }, 3), [3n]);
  });

  test("compares at equal indexes only", () => {
    const check = new HashCheck();
    check.add(1n, { index: 256, hash: 7n }, 3);
    check.add(2n, { index: 256, hash: 7n }, 3);
    assert.deepEqual(check.add(3n, { index: 512, hash: 9n }, 3), []);
  });

  test("names nobody again", () => {
    const check = new HashCheck();
    check.add(1n, { index: 256, hash: 7n }, 3);
    check.add(2n, { index: 256, hash: 7n }, 3);
    check.named(3n);
    assert.deepEqual(check.add(3n, { index: 256, hash: 9n }, 3), []);
  });

  test("says that nobody is right when all reported and no majority agrees", () => {
    const check = new HashCheck();
    assert.deepEqual(check.add(1n, { index: 256, hash: 7n }, 2), []);
    assert.deepEqual(check.add(2n, { index: 256, hash: 8n }, 2), [NOBODY_IS_RIGHT]);
    check.named(NOBODY_IS_RIGHT);
    check.add(1n, { index: 512, hash: 7n }, 2);
    assert.deepEqual(check.add(2n, { index: 512, hash: 8n }, 2), []);
  });

  test("forgets the lowest index, so that a member that never reports costs nothing", () => {
    const check = new HashCheck();
    for (let index = 1; index <= 65; index += 1) check.add(1n, { index, hash: 7n }, 3);
    check.add(2n, { index: 1, hash: 7n }, 3);
    assert.deepEqual(check.add(3n, { index: 1, hash: 9n }, 3), []);
    check.add(2n, { index: 65, hash: 7n }, 3);
    assert.deepEqual(check.add(3n, { index: 65, hash: 9n }, 3), [3n]);
  });
});
