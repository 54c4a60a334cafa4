import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { runScript } from "./support/script.js";

// Scripts stay with the sources; tests run in the repository's root.
const DIRECTORY = join("test", "raft", "scripts");
const scripts = readdirSync(DIRECTORY).filter((name) => name.endsWith(".txt"));

test("there are scripts to run", () => {
  assert.ok(scripts.length > 0);
});

for (const name of scripts) {
  test(`script ${name} prints what it printed when it was reviewed`, () => {
    const path = join(DIRECTORY, name);
    const expected = readFileSync(path, "utf8");
    const actual = runScript(expected);
    // CAPSTAN_REWRITE=1 takes the new output; the difference is then reviewed like code.
    if (process.env.CAPSTAN_REWRITE === "1") writeFileSync(path, actual);
    else assert.equal(actual, expected);
  });
}
