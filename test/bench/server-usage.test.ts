import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { usageOf } from "../../bench/servers/metrics-usage.js";
import { readUsage, sumUsage } from "../../bench/servers/process-usage.js";

describe("sumUsage()", () => {
  test("adds up what the members of a cluster use", () => {
    const one = { cpuUs: 1, writeBytes: 20, rssBytes: 300, anonymousBytes: 4000 };
    const both = sumUsage([one, { ...one, cpuUs: 5 }]);
    assert.deepEqual(both, { cpuUs: 6, writeBytes: 40, rssBytes: 600, anonymousBytes: 8000 });
    assert.ok(sumUsage([readUsage(process.pid)]).rssBytes > 0);
  });

  test("does not know of all what it does not know of one", () => {
    const known = { cpuUs: 1, writeBytes: 20, rssBytes: 300, anonymousBytes: 4000 };
    const both = sumUsage([known, { cpuUs: 2, rssBytes: 3 }]);
    assert.deepEqual(both, { cpuUs: 3, rssBytes: 303 });
  });
});

describe("usageOf()", () => {
  test("finds the process's figures in a page of metrics", () => {
    const page = [
      "# TYPE process_cpu_seconds_total counter",
      "process_cpu_seconds_total 12.5",
      "process_resident_memory_bytes 1.048576e+06",
    ].join("\n");
    assert.deepEqual(usageOf(page), { cpuUs: 12_500_000, rssBytes: 1_048_576 });
  });

  test("gives nothing where one of them is not there", () => {
    assert.equal(usageOf("process_cpu_seconds_total 1\n"), undefined);
    assert.equal(usageOf(""), undefined);
  });
});
