import { readFileSync } from "node:fs";
import { parse } from "yaml";
import { LogSinkError } from "../log/log-sink.js";
import { type MainLog, openMainLog } from "../log/main-log.js";
import { detectDefaultHost } from "./default-host.js";
import type { Environment } from "./environment.js";
import { type LogNote, note } from "./log-note.js";
import { osErrorText } from "./os-error.js";
import { type FileReading, parseConfig } from "./parse-config.js";
import type { LogConfig, ServerConfig } from "./server-config.js";

/** What the process was started with, and where it may print. */
export interface LoadConfigOptions {
  /** Words after the program's name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly printOut: (text: string) => void;
  readonly printError: (text: string) => void;
}

/** Go on with this configuration and log, or leave with this exit code: all is said already. */
export type LoadedConfig =
  | { readonly kind: "run"; readonly config: ServerConfig; readonly log: MainLog }
  | { readonly kind: "exit"; readonly exitCode: number };

/** Reads the settings of the process, opens its log, and prints or logs what there is to say. */
export function loadConfig(options: LoadConfigOptions): LoadedConfig {
  const outcome = parseConfig({
    argv: options.argv,
    env: options.env,
    readFile,
    parseYaml: (text) => parse(text, { version: "1.1" }),
    runtime: {
      nodeVersion: process.version,
      platform: process.platform,
      arch: process.arch,
    },
    defaultHost: detectDefaultHost,
  });
  switch (outcome.kind) {
    case "help":
      options.printOut(outcome.stdout);
      options.printError(outcome.stderr);
      return { kind: "exit", exitCode: 0 };
    case "version":
      options.printOut(outcome.stdout);
      return { kind: "exit", exitCode: 0 };
    case "usage-error":
      options.printError(`${outcome.lines.join("\n")}\n`);
      return { kind: "exit", exitCode: outcome.exitCode };
    case "verify-error": {
      const opened = openLog(outcome.log);
      logNotes(opened.log, outcome.notes);
      opened.log.close();
      return { kind: "exit", exitCode: outcome.exitCode };
    }
    case "run": {
      const opened = openLog(outcome.config.log);
      logNotes(opened.log, outcome.notes);
      if (opened.fault === undefined) {
        return { kind: "run", config: outcome.config, log: opened.log };
      }
      logNotes(opened.log, [note("warn", "failed to verify flags", { error: opened.fault })]);
      return { kind: "exit", exitCode: 1 };
    }
  }
}

/** The log as configured; when that cannot be opened, one on stderr and the reason. */
function openLog(config: LogConfig): { log: MainLog; fault: string | undefined } {
  try {
    return { log: openMainLog(config), fault: undefined };
  } catch (error) {
    if (!(error instanceof LogSinkError)) throw error;
    const log = openMainLog({ level: "info", format: "json", outputs: ["stderr"] });
    return { log, fault: error.message };
  }
}

function logNotes(log: MainLog, notes: readonly LogNote[]): void {
  for (const { level, message, fields } of notes) log.logger[level](message, fields);
}

function readFile(path: string): FileReading {
  try {
    return { ok: true, text: readFileSync(path, "utf8") };
  } catch (error) {
    return { ok: false, error: osErrorText(error) };
  }
}
