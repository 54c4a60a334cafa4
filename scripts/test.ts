/**
 * Runs the compiled tests: `npm test` all of them, `npm test -- PART...` those whose path contains a part.
 * The list is explicit, because directory and glob arguments of `node --test` mean different things
 * from one Node version to the next, and an empty list would pass.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";

/** A test that hangs must fail with its name; the longest ones kill a server fifty times. */
const TEST_TIMEOUT_MS = 420_000;

const ROOT = join(import.meta.dirname, "..", "..");
const parts = process.argv.slice(2);

const all = readdirSync(join(ROOT, "dist", "test"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.js"))
  .map((file) => join("dist", "test", file))
  .sort();

const strange = parts.filter((part) => !all.some((file) => file.includes(part)));
const files = all.filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
if (strange.length > 0 || files.length === 0) {
  console.error(`no test file matches: ${strange.join(" ")}`);
  process.exit(1);
}
const run = spawnSync(
  process.execPath,
  [
    "--enable-source-maps",
    "--test",
    "--test-concurrency=2",
    `--test-timeout=${TEST_TIMEOUT_MS}`,
    ...files,
  ],
  { cwd: ROOT, stdio: "inherit" },
);
process.exit(run.status ?? 1);
