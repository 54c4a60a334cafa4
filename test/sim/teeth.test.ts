import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { join } from "node:path";
import { describe, it } from "node:test";
import { TEETH } from "./teeth/teeth.js";
import { brokenText, makeBrokenTree, removeBrokenTree, type Tooth } from "./teeth/tooth.js";

const ROOT = join(import.meta.dirname, "..", "..", "..");
/** In so many seeds each mistake must be found. */
const SEEDS_MAX = 500;
const isAsked = process.env.CAPSTAN_SIM_TEETH === "1";
const skip = isAsked ? false : "takes minutes; CAPSTAN_SIM_TEETH=1 runs it";

describe("the simulator", { concurrency: 2, skip }, () => {
  assert.ok(TEETH.length >= 12);
  for (const tooth of TEETH) {
    it(`finds: ${tooth.name}`, async (t) => {
      const program = makeBrokenTree(ROOT, tooth);
      try {
        const { code, text } = await run(program);
        const [found = ""] = text.split("\n");
        assert.equal(code, 1, `not found in ${SEEDS_MAX} seeds`);
        assert.match(found, /^seed \d+: /, text);
        t.diagnostic(`${tooth.name}: ${found}`);
      } finally {
        removeBrokenTree(program);
      }
    });
  }
});

describe("the list of mistakes", () => {
  it("names places that are there, once each", () => {
    for (const tooth of TEETH) assert.ok(brokenText(ROOT, tooth).includes(tooth.replace));
  });

  it("makes each mistake only once", () => {
    const names = new Set(TEETH.map(({ name }: Tooth) => name));
    assert.equal(names.size, TEETH.length);
  });
});

function run(program: string): Promise<{ readonly code: number | null; readonly text: string }> {
  const child = spawn(process.execPath, [program, "--seeds", String(SEEDS_MAX)], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  let text = "";
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    text += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, text }));
  });
}
