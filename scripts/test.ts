/**
 * Runs the compiled tests: `npm test` all of them, `npm test -- PART...` those whose path contains a part.
 * The list is explicit, because directory and glob arguments of `node --test` mean different things
 * from one Node version to the next, and an empty list would pass.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join, sep } from "node:path";

/** A file that hangs must fail with its name; the longest one runs thousands of seeds, on a machine that may be slow. */
const TEST_TIMEOUT_MS = 1_200_000;

const ROOT = join(import.meta.dirname, "..", "..");
const parts = process.argv.slice(2);

// By their sources: what was compiled of a file that is gone stays in dist.
const all = readdirSync(join(ROOT, "test"), { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".test.ts"))
  .map((file) => join("dist", "test", file.replace(/\.ts$/, ".js")))
  .sort();

const strange = parts.filter((part) => !all.some((file) => file.includes(part)));
const files = all.filter((file) => parts.length === 0 || parts.some((part) => file.includes(part)));
if (strange.length > 0 || files.length === 0) {
  console.error(`no test file matches: ${strange.join(" ")}`);
  process.exit(1);
}
/** Real clusters load the machine by themselves, and what they print is read: one at a time, after the rest. */
const isAlone = (file: string): boolean => file.includes(`${sep}cluster${sep}`);
const stages = [
  { files: files.filter((file) => !isAlone(file)), concurrency: 2 },
  { files: files.filter(isAlone), concurrency: 1 },
];

function runStage(stage: (typeof stages)[number]): number {
  if (stage.files.length === 0) return 0;
  const flags = [
    "--enable-source-maps",
    "--test",
    `--test-concurrency=${stage.concurrency}`,
    `--test-timeout=${TEST_TIMEOUT_MS}`,
  ];
  const args = [...flags, ...stage.files];
  return spawnSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" }).status ?? 1;
}

process.exit(Math.max(...stages.map(runStage)));
