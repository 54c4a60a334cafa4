import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, test } from "node:test";
import { Flags } from "../../bench/commands/flags.js";
import { GOALS } from "../../bench/versus/goals.js";
import { RESTART_ROW, setupsOf } from "../../bench/versus/rows.js";
import { importsOf } from "../support/tidy-rules.js";

const ROOT = join(import.meta.dirname, "..", "..", "..");

/** Files that a program of the tree brings in, threads that it starts by URL included. */
function reach(program: string): Set<string> {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    const text = readFileSync(join(ROOT, path), "utf8");
    const started = [...text.matchAll(/new URL\("([^"]+)", import\.meta\.url\)/g)];
    for (const target of [...importsOf(text), ...started.map((match) => match[1] ?? "")]) {
      const file = normalize(join(dirname(path), target)).replace(/\.js$/, ".ts");
      if (target.startsWith(".") && existsSync(join(ROOT, file))) visit(file);
    }
  };
  visit(program);
  return reached;
}

describe("the rooms of bench", () => {
  test("capstan bench needs nothing that is not shipped", () => {
    const files = [...reach("bench/main.ts")];
    assert.ok(files.includes("bench/load/load-thread.ts"));
    const unshipped = files.filter((file) => /^test\/|^bench\/versus|^scripts\//.test(file));
    assert.deepEqual(unshipped, []);
  });

  test("the server brings in nothing of bench but its one program", () => {
    const text = readFileSync(join(ROOT, "src/main/main.ts"), "utf8");
    assert.deepEqual(
      importsOf(text).filter((target) => target.includes("bench")),
      [],
    );
  });
});

describe("setupsOf()", () => {
  const rowsOf = (members: string): string[] => {
    const values = { members, clients: "10", conns: "2", "key-size": "32", "val-size": "256" };
    const keys = { "key-space-size": "9", "random-keys": "9", "list-objects": "9" };
    const all = Object.entries({ ...values, ...keys });
    const table = Object.fromEntries(
      all.map(([name, value]) => [name, { type: "string", default: value, help: "" } as const]),
    );
    return setupsOf(new Flags([], table)).flatMap(({ rows }) => rows.map(({ name }) => name));
  };

  test("has every row that has a goal, each once", () => {
    const rows = [...rowsOf("1"), RESTART_ROW];
    assert.equal(new Set(rows).size, rows.length);
    assert.deepEqual(
      Object.keys(GOALS).filter((name) => !rows.includes(name)),
      [],
    );
  });

  test("makes puts and ranges only on a cluster", () => {
    assert.deepEqual(rowsOf("3"), ["put", "put-one", "range", "range-serializable"]);
  });
});
