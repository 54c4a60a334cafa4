import assert from "node:assert/strict";
import { parse } from "yaml";
import type { LogNote } from "../../src/main/config/log-note.js";
import {
  type ConfigInput,
  type ConfigOutcome,
  parseConfig,
} from "../../src/main/config/parse-config.js";
import type { ServerConfig } from "../../src/main/config/server-config.js";

/** parseConfig with a made-up machine around it: no files, no default route. */
export function configOf(
  argv: readonly string[],
  rest: Partial<ConfigInput> & { readonly files?: Readonly<Record<string, string>> } = {},
): ConfigOutcome {
  const { files = {}, ...input } = rest;
  return parseConfig({
    argv,
    env: {},
    readFile: (path) => {
      const text = files[path];
      const error = `open ${path}: no such file or directory`;
      return text === undefined ? { ok: false, error } : { ok: true, text };
    },
    parseYaml: (text) => parse(text, { version: "1.1" }),
    runtime: { nodeVersion: "v20.1.2", platform: "linux", arch: "x64" },
    defaultHost: () => undefined,
    ...input,
  });
}

/** The configuration of a command line that must be good, with the lines it draws. */
export function running(outcome: ConfigOutcome): {
  readonly config: ServerConfig;
  readonly notes: readonly LogNote[];
} {
  assert.ok(outcome.kind === "run", JSON.stringify(outcome));
  return outcome;
}

/** The `error` of a failed verification. */
export function verifyFault(outcome: ConfigOutcome): unknown {
  assert.ok(outcome.kind === "verify-error", JSON.stringify(outcome));
  assert.equal(outcome.exitCode, 1);
  return outcome.notes.find((line) => line.message === "failed to verify flags")?.fields.error;
}

/** The first line of a usage error. */
export function usageFault(outcome: ConfigOutcome): string {
  assert.ok(outcome.kind === "usage-error", JSON.stringify(outcome));
  return outcome.lines[0] ?? "";
}

/** The level and message of the notes, with one field if there is one of that name. */
export function notesNamed(notes: readonly LogNote[], message: string): readonly LogNote[] {
  return notes.filter((line) => line.message === message);
}
