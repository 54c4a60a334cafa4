import type { FlagKind, FlagSpec } from "./flag-spec.js";
import { FLAGS } from "./flag-table.js";
import { type FlagValue, initialValue, parseFlagValue } from "./flag-value.js";
import { type LogNote, note } from "./log-note.js";

/** What a configuration file sets, or why it cannot be used. */
export type ConfigFileReading =
  | {
      readonly kind: "settings";
      readonly assignments: readonly { readonly spec: FlagSpec; readonly value: FlagValue }[];
      readonly notes: readonly LogNote[];
    }
  /** Goes into the log as a failed verification. */
  | { readonly kind: "error"; readonly error: string }
  /** Is printed as it is. */
  | { readonly kind: "plain-error"; readonly line: string };

/** Turns the text of a YAML (or JSON) document into data; throws on bad syntax. */
export type ParseYaml = (text: string) => unknown;

type ValueReading =
  | { readonly kind: "value"; readonly value: FlagValue }
  | { readonly kind: "error"; readonly error: string }
  | { readonly kind: "plain-error"; readonly line: string };

/** The keys that hold maps of settings of their own. */
const SECTIONS: ReadonlySet<string> = new Set([
  "client-transport-security",
  "peer-transport-security",
  "socket-options",
  "discovery-config",
  "client",
  "secure",
  "auth",
]);

/**
 * Reads the configuration file: keys without regard to case, durations in whole nanoseconds, lists of
 * URLs as one comma-joined text. Unknown keys draw a warning. docs/facts/flags.md "Config file".
 */
export function readConfigFile(text: string, parseYaml: ParseYaml): ConfigFileReading {
  let document: unknown;
  try {
    document = parseYaml(text) ?? {};
  } catch (cause) {
    const reason = cause instanceof Error ? firstLine(cause.message) : String(cause);
    return { kind: "error", error: `error converting YAML to JSON: yaml: ${reason}` };
  }
  if (!isMap(document)) return typeFault(document, "configuration", "map");
  const entries = new Map<string, { readonly path: string; readonly value: unknown }>();
  flatten(document, [], entries);
  const assignments: { spec: FlagSpec; value: FlagValue }[] = [];
  for (const spec of FLAGS) {
    const key = spec.fileKey?.join(".").toLowerCase();
    const entry = key === undefined ? undefined : entries.get(key);
    if (key === undefined || entry === undefined) continue;
    entries.delete(key);
    if (entry.value === null) continue;
    const reading = readValue(spec, key, entry.value);
    if (reading.kind !== "value") return reading;
    assignments.push({ spec, value: reading.value });
  }
  const notes = [...entries.values()].map(({ path }) =>
    note("warn", "unrecognized key in the configuration file", { key: path }),
  );
  return { kind: "settings", assignments, notes };
}

function flatten(
  map: Readonly<Record<string, unknown>>,
  parents: readonly string[],
  entries: Map<string, { readonly path: string; readonly value: unknown }>,
): void {
  for (const [key, value] of Object.entries(map)) {
    const path = [...parents, key];
    if (SECTIONS.has(key.toLowerCase()) && isMap(value)) flatten(value, path, entries);
    else entries.set(path.join(".").toLowerCase(), { path: path.join("."), value });
  }
}

function readValue(spec: FlagSpec, key: string, value: unknown): ValueReading {
  const fault = (wanted: string): ValueReading => typeFault(value, key, wanted);
  switch (spec.kind) {
    case "boolean":
      return typeof value === "boolean" ? found({ kind: "boolean", on: value }) : fault("bool");
    case "uint":
    case "uint32":
    case "int":
    case "duration":
      return readNumber(spec, key, value);
    case "list":
      if (typeof value === "string" && spec.name === "host-whitelist") break;
      if (!Array.isArray(value)) return fault("[]string");
      if (!value.every((item) => typeof item === "string")) return fault("string");
      return found({ kind: "list", items: value });
    case "ignored":
    case "text":
    case "choice":
    case "urls":
    case "origins":
    case "gates":
      break;
  }
  if (typeof value !== "string") return fault("string");
  return readText(spec, value);
}

function readText(spec: FlagSpec, value: string): ValueReading {
  if (value === "") return found(initialValue(spec));
  const outcome = parseFlagValue(spec, value);
  if (outcome.ok) return found(outcome.value);
  if (spec.kind === "choice") {
    const what = spec.name === "initial-cluster-state" ? "clusterState" : spec.name;
    return { kind: "error", error: `unexpected ${what} ${JSON.stringify(value)}` };
  }
  return {
    kind: "plain-error",
    line: `unexpected error setting up ${spec.name}: ${outcome.error}`,
  };
}

const NUMBER_TYPES: Partial<Record<FlagKind, readonly [type: string, min: bigint, max: bigint]>> = {
  uint: ["uint", 0n, 2n ** 64n - 1n],
  uint32: ["uint32", 0n, 2n ** 32n - 1n],
  int: ["int64", -(2n ** 63n), 2n ** 63n - 1n],
  duration: ["time.Duration", -(2n ** 63n), 2n ** 63n - 1n],
};

function readNumber(spec: FlagSpec, key: string, value: unknown): ValueReading {
  const [type, min, max] = NUMBER_TYPES[spec.kind] ?? ["int64", 0n, 0n];
  if (typeof value !== "number") return typeFault(value, key, type);
  const fits = Number.isInteger(value) && BigInt(value) >= min && BigInt(value) <= max;
  if (!fits) return unmarshalFault(`number ${value}`, key, type);
  if (spec.kind === "duration") return found({ kind: "duration", ns: BigInt(value) });
  return found({ kind: "integer", value: BigInt(value) });
}

function typeFault(value: unknown, key: string, wanted: string) {
  return unmarshalFault(jsonType(value), key, wanted);
}

function unmarshalFault(what: string, key: string, wanted: string) {
  const cause = `cannot unmarshal ${what} into Go struct field configYAML.Config.${key}`;
  const error = `error unmarshaling JSON: while decoding JSON: json: ${cause} of type ${wanted}`;
  return { kind: "error", error } as const;
}

function jsonType(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "boolean") return "bool";
  return typeof value;
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function firstLine(text: string): string {
  return (text.split("\n", 1)[0] ?? "").replace(/:$/, "");
}

function found(value: FlagValue): ValueReading {
  return { kind: "value", value };
}
