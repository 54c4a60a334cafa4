import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { LatencyHistogram } from "../../bench/load/latency-histogram.js";
import type { Measurement } from "../../bench/load/measurement.js";
import { barText, ProgressBar } from "../../bench/report/progress-bar.js";
import { ratioRows } from "../../bench/report/ratio-rows.js";
import { median, spread } from "../../bench/report/statistics.js";
import { summaryText } from "../../bench/report/summary.js";

/** Calls of 1, 2, … `count` ms in 2 s. */
function measurementOf(count: number, more: Partial<Measurement> = {}): Measurement {
  const histogram = new LatencyHistogram();
  for (let ms = 1; ms <= count; ms += 1) histogram.record(ms * 1000);
  const latency = histogram.summary();
  const perSecond = count / 2;
  return {
    ...{ unit: "puts", count, seconds: 2, perSecond, latency },
    series: [{ name: "puts", count, perSecond, latency }],
    ...{ failures: [], samples: [], clientCpuUsPerUnit: 12.34 },
    ...more,
  };
}

describe("summaryText()", () => {
  test("has the shape of etcd's benchmark", () => {
    const lines = summaryText(measurementOf(11), { precise: false }).split("\n");
    assert.deepEqual(lines.slice(0, 10), [
      "",
      "Summary:",
      "  Total:\t2.0000 secs.",
      "  Slowest:\t0.0110 secs.",
      "  Fastest:\t0.0010 secs.",
      "  Average:\t0.0060 secs.",
      "  Stddev:\t0.0032 secs.",
      "  Requests/sec:\t5.5000",
      "",
      "Response time histogram:",
    ]);
    assert.deepEqual(lines.slice(10, 12), [
      `  0.0010 [1]\t|${"∎".repeat(40)}`,
      `  0.0020 [1]\t|${"∎".repeat(40)}`,
    ]);
    assert.equal(lines[22], "Latency distribution:");
    assert.match(lines[25] ?? "", /^ {2}50% in 6\.0\d\d ms\.$/);
    assert.equal(lines[30], "  99.9% in 11.000 ms.");
    assert.deepEqual(lines.slice(31), ["", "Usage:", "  Client CPU:\t12.3 us per put"]);
  });

  test("gives all digits when asked", () => {
    const measurement = measurementOf(11, { seconds: 1 / 3 });
    assert.match(summaryText(measurement, { precise: true }), /Total:\t0\.3333333333333333 secs/);
  });

  test("shows failures, the schedule, seconds and the server's usage", () => {
    const server = {
      ...{ cpuUsPerUnit: 45.6, rssBytes: 2 ** 30, anonymousBytes: undefined },
      ...{ writeBytesPerUnit: undefined, deviceBytesPerUnit: 5000 },
    };
    const text = summaryText(
      measurementOf(11, {
        server,
        failures: [{ text: "refused", count: 3 }],
        schedule: { rate: 100, waited: 4, missed: 5 },
        samples: [{ unixSecond: 17, calls: 9, minUs: 1000, meanUs: 2000, maxUs: 3000 }],
      }),
      { precise: false },
    );
    for (const part of [
      "Error distribution:\n  [3]\trefused",
      "100 calls per second; 4 calls began late",
      "5 had not begun when time was up",
      "\n17,1.000,2.000,3.000,9\n",
      "Server CPU:\t45.6 us per put",
      "Disk:\t\t5,000 bytes per put",
      "Server RSS:\t1,024 MiB\n",
    ]) {
      assert.ok(text.includes(part), `${part} in ${text}`);
    }
    assert.ok(!text.includes("Dirtied"));
  });

  test("shows two kinds of calls in full and more of them in a table", () => {
    const { latency } = measurementOf(11);
    const series = (name: string) => ({ name, count: 11, perSecond: 5.5, latency });
    const two = summaryText(measurementOf(22, { series: [series("read"), series("write")] }), {
      precise: false,
    });
    assert.match(two, /Read: 11 in all\.[\s\S]*Summary:[\s\S]*Write: 11 in all\.[\s\S]*Summary:/);
    const three = measurementOf(33, { series: ["a", "b", "c"].map(series) });
    const text = summaryText(three, { precise: false });
    assert.match(text, /^ms +calls +\/s +p50 +p90 +p99 +p99\.9 +max\na +11 +5\.5 /m);
    assert.equal(text.split("Summary:").length, 2);
  });

  test("of nothing but failures is their list", () => {
    const failures = [{ text: "refused", count: 100 }];
    const text = summaryText(measurementOf(0, { series: [], failures }), { precise: false });
    assert.match(text, /^\nError distribution:\n {2}\[100\]\trefused\n/);
  });
});

describe("statistics", () => {
  test("median() takes the middle, or the mean of the two in the middle", () => {
    assert.equal(median([3, 1, 2]), 2);
    assert.equal(median([4, 1, 3, 2]), 2.5);
    assert.equal(median([Number.NaN, 3, 1, 2]), 2);
    assert.ok(Number.isNaN(median([])));
  });

  test("spread() adds the extremes", () => {
    assert.deepEqual(spread([3, 1, 2]), { median: 2, min: 1, max: 3 });
  });

  test("ratioRows() takes ratios pair by pair", () => {
    const metrics = (...values: number[]) => values.map((value) => [{ name: "puts/s", value }]);
    // By the medians the ratio would be 200 / 20.
    const rows = ratioRows("put", {
      ours: metrics(100, 200, 300),
      theirs: metrics(100, 20, 10),
    });
    assert.deepEqual(rows, [["put", "puts/s", "200", "20.0", "10.0", "1.00", "30.0"]]);
  });

  test("ratioRows() leaves out the ratio of a pair of which one run failed", () => {
    const run = (value: number) => [{ name: "puts/s", value }];
    const rows = ratioRows("put", {
      ours: [run(100), [], run(300)],
      theirs: [run(100), run(100), run(100)],
    });
    assert.deepEqual(rows, [["put", "puts/s", "200", "100", "2.00", "1.00", "3.00"]]);
  });

  test("ratioRows() shows one server alone", () => {
    const rows = ratioRows("put", {
      ours: [[{ name: "puts/s", value: 5 }]],
      theirs: [],
      goals: { "puts/s": ">= 3" },
    });
    assert.deepEqual(rows, [["put", "puts/s", "5.00", "-", "-", "-", "-", ">= 3"]]);
  });
});

describe("ProgressBar", () => {
  test("barText() shows what of the run is over, by calls or by time", () => {
    const limits = { calls: 200, seconds: 100 };
    assert.equal(
      barText({ limits, seconds: 2, ended: 100 }, 40),
      `[${"=".repeat(9)}${" ".repeat(10)}] 50% 100 / 200 50/s`,
    );
    const timed = { calls: Number.POSITIVE_INFINITY, seconds: 4 };
    assert.match(barText({ limits: timed, seconds: 1, ended: 7 }, 60), /\] 25% 7 7\/s$/);
    assert.match(barText({ limits: timed, seconds: 9, ended: 7 }, 60), /\] 100% /);
  });

  test("draws on a terminal only, and leaves nothing behind", () => {
    for (const isTTY of [true, false]) {
      let written = "";
      const bar = new ProgressBar({ isTTY, columns: 40, write: (text) => (written += text) });
      bar.start({ calls: 10, seconds: 1 }, () => 0);
      bar.stop();
      assert.equal(written.endsWith("\r\u001b[K"), isTTY);
      assert.equal(written.includes("[ "), isTTY);
    }
  });
});
