import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, test } from "node:test";
import {
  bannedInPureFile,
  forbiddenImport,
  importsOf,
  isPure,
  leftovers,
  undocumentedExports,
} from "./support/tidy-rules.js";

const ROOT = join(import.meta.dirname, "..", "..");

function trackedFiles(): string[] {
  const listed = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  // A file that was removed and not yet committed is listed, and not there.
  return listed
    .split("\n")
    .filter((file) => file.endsWith(".ts") && !file.includes("/gen/"))
    .filter((file) => existsSync(join(ROOT, file)));
}

const files = trackedFiles().map((path) => ({
  path,
  text: readFileSync(join(ROOT, path), "utf8"),
}));
const sources = files.filter(({ path }) => path.startsWith("src/"));

describe("the tree", () => {
  test("has source files to look at", () => {
    assert.ok(sources.length > 50, `only ${sources.length} source files found`);
  });

  test("imports point down only: shared, wal, then the three actors", () => {
    const wrong = sources.flatMap(({ path, text }) =>
      importsOf(text)
        .filter((target) => target.startsWith("."))
        .map((target) => normalize(join(dirname(path), target)))
        .filter((target) => forbiddenImport(path, target))
        .map((target) => `${path} imports ${target}`),
    );
    assert.deepEqual(wrong, []);
  });

  test("keeps its cores pure", () => {
    const wrong = sources
      .filter(({ path }) => isPure(path))
      .flatMap(({ path, text }) => bannedInPureFile(text).map((ban) => `${path}: ${ban}`));
    assert.deepEqual(wrong, []);
  });

  test("documents every export", () => {
    const wrong = sources.flatMap(({ path, text }) =>
      undocumentedExports(text).map((name) => `${path}: ${name}`),
    );
    assert.deepEqual(wrong, []);
  });

  test("has no file that nothing imports", () => {
    const imported = new Set(
      files.flatMap(({ path, text }) =>
        importsOf(text).map((target) =>
          normalize(join(dirname(path), target)).replace(/\.js$/, ".ts"),
        ),
      ),
    );
    // Entered by name: programs, and scripts of threads that are started by URL.
    const entered = new Set(
      files.flatMap(({ path, text }) =>
        [...text.matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)].map((match) =>
          normalize(join(dirname(path), match[1] ?? "")).replace(/\.js$/, ".ts"),
        ),
      ),
    );
    const dead = sources
      .map(({ path }) => path)
      .filter((path) => !imported.has(path) && !entered.has(path) && path !== "src/main/main.ts")
      // Types of packages that ship none.
      .filter((path) => !path.endsWith(".d.ts"));
    assert.deepEqual(dead, []);
  });

  test("has no leftovers", () => {
    const wrong = files
      .filter(({ path }) => !path.includes("tidy"))
      .flatMap(({ path, text }) => leftovers(text).map((word) => `${path}: ${word}`));
    assert.deepEqual(wrong, []);
  });
});

describe("the rules", () => {
  test("forbiddenImport() keeps the actors apart", () => {
    assert.equal(forbiddenImport("src/main/server.ts", "src/shared/errors.js"), false);
    assert.equal(forbiddenImport("src/main/server.ts", "src/apply-worker/driver.js"), true);
    assert.equal(forbiddenImport("src/raft-worker/driver.ts", "src/wal/wal.js"), false);
    assert.equal(forbiddenImport("src/apply-worker/driver.ts", "src/wal/wal.js"), true);
    assert.equal(forbiddenImport("src/shared/errors.ts", "src/wal/wal.js"), true);
    assert.equal(forbiddenImport("src/wal/wal.ts", "src/raft-worker/worker.js"), true);
  });

  test("bannedInPureFile() finds clocks, chance and the world", () => {
    assert.deepEqual(bannedInPureFile('import { open } from "node:fs";\n'), ["node: import"]);
    assert.deepEqual(bannedInPureFile("const now = Date.now();\n"), ["Date"]);
    assert.deepEqual(bannedInPureFile("const n = Math.random();\n"), ["Math.random"]);
    assert.deepEqual(bannedInPureFile("async function f() {}\n"), ["async"]);
    assert.deepEqual(bannedInPureFile("// Date and async in a comment\nconst a = 1;\n"), []);
  });

  test("undocumentedExports() names what has no docstring", () => {
    const names = (text: string): string[] => undocumentedExports(text);
    assert.deepEqual(names("/** Doc. */\nexport const a = 1;\nexport const b = 2;\n"), []);
    assert.deepEqual(names("/** Doc. */\nexport const a = 1;\n\nexport const b = 2;\n"), ["b"]);
    assert.deepEqual(names("/** Doc. */\nexport const a = {\n};\nexport const b = 2;\n"), ["b"]);
    assert.deepEqual(undocumentedExports("export function f(): void {}\n"), ["f"]);
  });

  test("leftovers() finds words that announce unfinished work", () => {
    assert.deepEqual(leftovers(`// ${"FIX"}ME later\n`), ["FIXME"]);
    assert.deepEqual(leftovers("all done\n"), []);
  });
});
