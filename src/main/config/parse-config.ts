import { buildConfig } from "./build-config.js";
import { type CommandLine, parseCommandLine } from "./command-line.js";
import { type ParseYaml, readConfigFile } from "./config-file.js";
import { type Environment, readEnvironment } from "./environment.js";
import { helpText, type RuntimeInfo, USAGE, versionText } from "./help.js";
import { adoptLegacyNames } from "./legacy-names.js";
import { type LogNote, note } from "./log-note.js";
import type { LogConfig, ServerConfig } from "./server-config.js";
import { Settings } from "./settings.js";
import {
  logLevel,
  verifyAutoCompaction,
  verifyGates,
  verifyLog,
  verifySupport,
  verifyTimes,
  verifyUrls,
} from "./verify.js";

/** Everything that decides about a start, passed in so that deciding is pure. */
export interface ConfigInput {
  /** Words after the program's name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  /** Text of a file, or the reason in the words of the system ("open PATH: no such file ..."). */
  readonly readFile: (path: string) => FileReading;
  readonly parseYaml: ParseYaml;
  readonly runtime: RuntimeInfo;
  /** Address of the interface with the default route, if there is one. */
  readonly defaultHost: () => string | undefined;
}

/** Text of a file or why there is none. */
export type FileReading =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly error: string };

/** What to do: run, or print something and leave with that exit code. */
export type ConfigOutcome =
  | {
      readonly kind: "run";
      readonly config: ServerConfig;
      /** Lines for the log, in order. */
      readonly notes: readonly LogNote[];
    }
  | { readonly kind: "help"; readonly stdout: string; readonly stderr: string }
  | { readonly kind: "version"; readonly stdout: string }
  | { readonly kind: "usage-error"; readonly exitCode: 1 | 2; readonly lines: readonly string[] }
  | {
      readonly kind: "verify-error";
      readonly exitCode: 1;
      /** Lines for the log, in order; the last ones say what is wrong. */
      readonly notes: readonly LogNote[];
      /** How to write them. */
      readonly log: LogConfig;
    };

const DEFAULT_LOG: LogConfig = { level: "info", format: "json", outputs: ["stderr"] };
const ADVERTISE_MISSING =
  "--advertise-client-urls is required when --listen-client-urls is set explicitly";

/**
 * Decides from command line, environment and configuration file how the server shall run. Precedence,
 * texts and exit codes: docs/facts/flags.md section 1.
 */
export function parseConfig(input: ConfigInput): ConfigOutcome {
  const commandLine = parseCommandLine(input.argv);
  switch (commandLine.kind) {
    case "help":
      return { kind: "help", stdout: helpText(), stderr: USAGE };
    case "error":
      return { kind: "usage-error", exitCode: 2, lines: [commandLine.message, USAGE] };
    case "flags":
      return applySources(input, commandLine);
  }
}

function applySources(
  input: ConfigInput,
  commandLine: CommandLine & { kind: "flags" },
): ConfigOutcome {
  const notes: LogNote[] = [];
  const settings = new Settings();
  for (const { spec, value } of commandLine.assignments) settings.set(spec, value);
  const stray = commandLine.strayWords[0];
  if (stray !== undefined) return rejected(input, notes, `'${stray}' is not a valid flag`);
  if (settings.boolean("version")) {
    return { kind: "version", stdout: versionText(input.runtime) };
  }
  const path = settings.text("config-file") || input.env.ETCD_CONFIG_FILE || "";
  if (path !== "") return applyFile(input, path);
  const names = new Set(commandLine.assignments.map(({ spec }) => spec.name));
  const environment = readEnvironment(input.env, names);
  for (const { spec, value } of environment.assignments) settings.set(spec, value);
  notes.push(...environment.notes);
  if (environment.shadowed !== undefined) {
    const message =
      "conflicting environment variable is shadowed by corresponding command-line flag " +
      "(either unset environment variable or disable flag))";
    notes.push(note("fatal", message, { "environment-variable": environment.shadowed }));
    return { kind: "verify-error", exitCode: 1, notes, log: DEFAULT_LOG };
  }
  if (environment.error !== undefined) return rejected(input, notes, environment.error);
  return verify(input, settings, { kind: "flags", notes });
}

function applyFile(input: ConfigInput, path: string): ConfigOutcome {
  const file = input.readFile(path);
  if (!file.ok) return rejected(input, [], file.error);
  const reading = readConfigFile(file.text, input.parseYaml);
  if (reading.kind === "plain-error") {
    return { kind: "usage-error", exitCode: 1, lines: [reading.line] };
  }
  if (reading.kind === "error") return rejected(input, [], reading.error);
  const settings = new Settings();
  for (const { spec, value } of reading.assignments) settings.set(spec, value);
  const message =
    "loaded server configuration, other configuration command line flags and environment " +
    "variables will be ignored if provided";
  const notes = [note("info", message, { path }), ...reading.notes];
  return verify(input, settings, { kind: "file", notes });
}

/** Checks in etcd's order: what the log needs, then each setting, then how they fit together. */
function verify(
  input: ConfigInput,
  settings: Settings,
  source: { readonly kind: "flags" | "file"; readonly notes: readonly LogNote[] },
): ConfigOutcome {
  const levelText = settings.text("log-level");
  if (logLevel(levelText) === undefined) {
    const fault = `unrecognized level: ${JSON.stringify(levelText)}`;
    const line = `invalid value ${JSON.stringify(levelText)} for flag -log-level: ${fault}`;
    return { kind: "usage-error", exitCode: 2, lines: [line, USAGE] };
  }
  const legacy = adoptLegacyNames(settings);
  const sourceNotes = [...source.notes, ...legacy.notes];
  const log = verifyLog(settings);
  if (!log.ok) return rejected(input, sourceNotes, log.error);
  const reject = (error: string) => rejected(input, sourceNotes, error, log.value);
  const support = verifySupport(settings);
  const error = legacy.error ?? support.error ?? verifyUrls(settings) ?? verifyTimes(settings);
  if (error !== undefined) return reject(error);
  if (source.kind === "flags" && settings.isSet("listen-client-urls")) {
    if (!settings.isSet("advertise-client-urls")) return reject(ADVERTISE_MISSING);
  }
  const autoCompaction = verifyAutoCompaction(settings);
  if (!autoCompaction.ok) return reject(autoCompaction.error);
  const gates = verifyGates(legacy.gates);
  if (!gates.ok) return reject(gates.error);
  const built = buildConfig(settings, {
    log: log.value,
    autoCompaction: autoCompaction.value,
    featureGates: gates.value.states,
    defaultHost: input.defaultHost,
  });
  const notes = [
    ...sourceNotes,
    running(input),
    ...support.notes,
    ...gates.value.notes,
    ...built.notes,
  ];
  return { kind: "run", config: built.config, notes };
}

function rejected(
  input: ConfigInput,
  notes: readonly LogNote[],
  error: string,
  log: LogConfig = DEFAULT_LOG,
): ConfigOutcome {
  const all = [...notes, running(input), note("warn", "failed to verify flags", { error })];
  if (error === ADVERTISE_MISSING) {
    all.push(note("warn", "advertise client URLs are not set", { error }));
  }
  return { kind: "verify-error", exitCode: 1, notes: all, log };
}

function running(input: ConfigInput): LogNote {
  return note("info", "Running: ", { args: ["capstan", ...input.argv] });
}
