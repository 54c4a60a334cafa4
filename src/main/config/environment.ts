import { environmentName, type FlagSpec } from "./flag-spec.js";
import { FLAG_BY_VARIABLE } from "./flag-table.js";
import { type FlagValue, parseFlagValue } from "./flag-value.js";
import { type LogNote, note } from "./log-note.js";

/** Variables of a process; a name without a value is unset. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What the ETCD_* variables set, with the lines they draw, and what is wrong with them. */
export interface EnvironmentReading {
  readonly assignments: readonly { readonly spec: FlagSpec; readonly value: FlagValue }[];
  readonly notes: readonly LogNote[];
  /** A value that does not parse: "invalid value ... for ETCD_...: ...". */
  readonly error: string | undefined;
  /** A variable whose flag is also on the command line: fatal, even when the values are equal. */
  readonly shadowed: string | undefined;
}

/** Variables in etcd's name space that mean something else than a flag. */
const SPECIAL_VARIABLES: ReadonlySet<string> = new Set(["ETCD_VERSION", "ETCD_UNSUPPORTED_ARCH"]);

/**
 * Reads the ETCD_* variables beside the flags that the command line set. An empty variable is unset, an
 * unknown one is only warned about. docs/facts/flags.md section 1.
 */
export function readEnvironment(
  env: Environment,
  commandLineFlags: ReadonlySet<string>,
): EnvironmentReading {
  const assignments: { spec: FlagSpec; value: FlagValue }[] = [];
  const notes: LogNote[] = [];
  const used = new Set<string>();
  let error: string | undefined;
  for (const [variable, spec] of FLAG_BY_VARIABLE) {
    const text = env[variable];
    if (text === undefined || text === "" || commandLineFlags.has(spec.name)) continue;
    used.add(variable);
    const outcome = parseFlagValue(spec, text);
    if (outcome.ok) {
      assignments.push({ spec, value: outcome.value });
      const fields = { "variable-name": variable, "variable-value": text };
      notes.push(note("info", "recognized and used environment variable", fields));
    } else {
      error ??= `invalid value ${JSON.stringify(text)} for ${variable}: ${outcome.error}`;
    }
  }
  const rest = inspectUnused(env, used, new Set([...commandLineFlags].map(environmentName)));
  return { assignments, notes: [...notes, ...rest.notes], error, shadowed: rest.shadowed };
}

function inspectUnused(
  env: Environment,
  used: ReadonlySet<string>,
  shadowing: ReadonlySet<string>,
): { notes: readonly LogNote[]; shadowed: string | undefined } {
  const notes: LogNote[] = [];
  let shadowed: string | undefined;
  for (const [variable, value = ""] of Object.entries(env)) {
    if (!variable.startsWith("ETCD_") || used.has(variable)) continue;
    // Templates leave variables of settings they do not use empty: nothing to say about those.
    if (value === "" && FLAG_BY_VARIABLE.has(variable)) continue;
    if (shadowing.has(variable)) shadowed ??= variable;
    if (variable === "ETCD_VERSION") {
      const fields = { key: variable, value };
      notes.push(note("warn", "cannot set special environment variable", fields));
    }
    if (SPECIAL_VARIABLES.has(variable) || shadowing.has(variable)) continue;
    const fields = { "environment-variable": `${variable}=${value}` };
    notes.push(note("warn", "unrecognized environment variable", fields));
  }
  return { notes, shadowed };
}
