/** The expected texts of this folder's tables, asked of the real program where it is at hand. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { findEtcdProgram, skipWithoutEtcd } from "../support/server-process.js";
import { START_ERRORS, USAGE_ERRORS, VERIFY_ERRORS } from "./usage-errors.js";

/** Free ports, for settings that are looked at only when these are taken. */
const PORTS = [
  "--listen-client-urls=http://127.0.0.1:0",
  "--advertise-client-urls=http://127.0.0.1:0",
  "--listen-peer-urls=http://127.0.0.1:0",
];

function runEtcd(argv: readonly string[]): { status: number | null; lines: readonly string[] } {
  const dir = mkdtempSync(join(tmpdir(), "capstan-words-"));
  const program = findEtcdProgram("etcd") ?? "";
  const run = spawnSync(program, argv, { cwd: dir, encoding: "utf8", timeout: 10_000, env: {} });
  rmSync(dir, { recursive: true, force: true });
  return { status: run.status, lines: run.stderr.split("\n") };
}

describe("real etcd's words", { skip: skipWithoutEtcd() }, () => {
  for (const [argv, line] of USAGE_ERRORS) {
    test(`are the same on ${argv.join(" ")}`, () => {
      const { status, lines } = runEtcd(argv);
      assert.equal(lines[0], line);
      assert.equal(status, 2);
    });
  }

  for (const [argv, error] of VERIFY_ERRORS) {
    test(`are the same on ${argv.join(" ")}`, () => {
      const { status, lines } = runEtcd(argv);
      const failed = lines.find((line) => line.includes("failed to verify flags")) ?? "{}";
      const fields: { error?: unknown } = JSON.parse(failed);
      assert.equal(fields.error, error);
      assert.equal(status, 1);
    });
  }

  for (const [argv, error] of START_ERRORS) {
    test(`are the same on ${argv.join(" ")}`, () => {
      const { status, lines } = runEtcd([...PORTS, ...argv]);
      const failed = lines.find((line) => line.includes("discovery failed")) ?? "{}";
      const fields: { error?: unknown } = JSON.parse(failed);
      // It names the port that it was given for 0.
      assert.equal(String(fields.error).replace(/(?<=on TLS for .*:)\d+/, "0"), error);
      assert.equal(status, 1);
    });
  }
});
