import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { readUsage, sumUsage } from "../../bench/load/server-usage.js";
import { countsFlag, UsageError } from "../../bench/options.js";

describe("countsFlag", () => {
  test("reads one number or several, and nothing where nothing was given", () => {
    assert.deepEqual(countsFlag({ pid: "7" }, "pid"), [7]);
    assert.deepEqual(countsFlag({ pid: "7,8,9" }, "pid"), [7, 8, 9]);
    assert.equal(countsFlag({}, "pid"), undefined);
  });

  test("refuses what is no whole number", () => {
    for (const text of ["", "7,", "x", "1.5", "0"]) {
      assert.throws(() => countsFlag({ pid: text }, "pid"), UsageError, text);
    }
  });
});

describe("sumUsage", () => {
  test("adds up what the members of a cluster use", () => {
    const one = { cpuUs: 1, writeBytes: 20, rssBytes: 300, anonymousBytes: 4000 };
    const both = sumUsage([one, { ...one, cpuUs: 5 }]);
    assert.deepEqual(both, { cpuUs: 6, writeBytes: 40, rssBytes: 600, anonymousBytes: 8000 });
    assert.ok(sumUsage([readUsage(process.pid)]).rssBytes > 0);
  });
});
