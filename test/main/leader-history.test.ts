import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LeaderHistory } from "../../src/main/frontend/leader-history.js";
import { ErrorCode } from "../../src/shared/errors.js";

const connected = (): boolean => false;
const cutOff = (): boolean => true;

describe("LeaderHistory", () => {
  test("G-14 a request that never found a leader fails as its deadline does", () => {
    const leaders = new LeaderHistory(1000);
    assert.equal(leaders.timeoutCode(10, cutOff), ErrorCode.deadlineExceeded);
    leaders.observe(5n, 20);
    leaders.observe(0n, 30);
    assert.equal(leaders.timeoutCode(40, cutOff), ErrorCode.deadlineExceeded);
    assert.equal(leaders.timeoutCode(25, cutOff), ErrorCode.timeout, "it had one when it began");
  });

  test("a request of the two election timeouts before a leader came is laid at the last one's door", () => {
    const leaders = new LeaderHistory(1000);
    leaders.observe(5n, 10_000);
    assert.equal(leaders.timeoutCode(7999, connected), ErrorCode.timeout);
    assert.equal(leaders.timeoutCode(8001, connected), ErrorCode.timeoutLeaderFail);
    assert.equal(leaders.timeoutCode(9999, cutOff), ErrorCode.timeoutLeaderFail);
    assert.equal(leaders.timeoutCode(10_001, connected), ErrorCode.timeout);
  });

  test("a leader that is heard of again and again was elected once", () => {
    const leaders = new LeaderHistory(1000);
    leaders.observe(5n, 0);
    leaders.observe(5n, 9000);
    assert.equal(leaders.timeoutCode(8500, connected), ErrorCode.timeout);
    leaders.observe(6n, 9500);
    assert.equal(leaders.timeoutCode(8500, connected), ErrorCode.timeoutLeaderFail);
  });

  test("with a leader the connection is asked for", () => {
    const leaders = new LeaderHistory(1000);
    leaders.observe(5n, 0);
    const asked: number[] = [];
    const code = leaders.timeoutCode(5000, (sinceMs) => asked.push(sinceMs) > 0);
    assert.equal(code, ErrorCode.timeoutConnectionLost);
    assert.deepEqual(asked, [5000]);
  });
});
