import { parseDuration } from "../../shared/duration.js";
import { parseFeatureGates } from "./feature-gates.js";
import type { FlagSpec } from "./flag-spec.js";
import { type IntegerOutcome, parseBoolean, parseSigned, parseUnsigned } from "./go-scalars.js";
import type { ServerUrl } from "./server-config.js";
import { parseServerUrls } from "./server-url.js";

/** A setting's value after parsing. */
export type FlagValue =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "boolean"; readonly on: boolean }
  | { readonly kind: "integer"; readonly value: bigint }
  | { readonly kind: "duration"; readonly ns: bigint }
  | { readonly kind: "urls"; readonly urls: readonly ServerUrl[] }
  | { readonly kind: "list"; readonly items: readonly string[] }
  | { readonly kind: "gates"; readonly gates: ReadonlyMap<string, boolean> };

/** A value, or why the text is none, in the words after "invalid value ... for flag ...: ". */
export type FlagValueOutcome =
  | { readonly ok: true; readonly value: FlagValue }
  | { readonly ok: false; readonly error: string };

const PARSE_ERROR: FlagValueOutcome = { ok: false, error: "parse error" };

/** Reads one value as the flag's kind demands. Texts: docs/facts/flags.md "Exit status and messages". */
export function parseFlagValue(spec: FlagSpec, text: string): FlagValueOutcome {
  switch (spec.kind) {
    case "text":
    case "ignored":
      return found({ kind: "text", text });
    case "choice":
      if (!spec.choices.includes(text)) return { ok: false, error: "invalid value" };
      return found({ kind: "text", text });
    case "boolean": {
      const on = parseBoolean(text);
      return on === undefined ? PARSE_ERROR : found({ kind: "boolean", on });
    }
    case "uint":
      return integer(parseUnsigned(text, 64));
    case "int":
      return integer(parseSigned(text));
    case "uint32":
      return uint32(text);
    case "duration": {
      const outcome = parseDuration(text);
      return outcome.ok ? found({ kind: "duration", ns: outcome.ns }) : PARSE_ERROR;
    }
    case "list":
      return found({ kind: "list", items: words(text) });
    case "gates": {
      const outcome = parseFeatureGates(text);
      return outcome.ok ? found({ kind: "gates", gates: outcome.gates }) : outcome;
    }
    case "origins":
    case "urls":
      return urls(spec, text);
  }
}

/** The value that the flag has when nobody sets it. */
export function initialValue(spec: FlagSpec): FlagValue {
  if (spec.initial === "" && spec.kind === "urls") return { kind: "urls", urls: [] };
  const outcome = spec.replacedBy === undefined ? parseFlagValue(spec, spec.initial) : undefined;
  return outcome?.ok === true ? outcome.value : { kind: "text", text: spec.initial };
}

/** Whether two values of one flag mean the same. */
export function sameValue(a: FlagValue, b: FlagValue): boolean {
  return canonical(a) === canonical(b);
}

function canonical(value: FlagValue): string {
  return JSON.stringify(value, (_key, item: unknown) => {
    if (item instanceof Map) return [...item];
    return typeof item === "bigint" ? item.toString() : item;
  });
}

function urls(spec: FlagSpec, text: string): FlagValueOutcome {
  // An empty list leaves the default in place, yet counts as set: etcd does so.
  if (text === "" && spec.kind === "urls") return found(initialValue(spec));
  if (text === "*" && spec.kind === "origins") return found({ kind: "urls", urls: [] });
  const outcome = parseServerUrls(text);
  return outcome.ok ? found({ kind: "urls", urls: outcome.urls }) : outcome;
}

function words(text: string): readonly string[] {
  return text === "" ? [] : [...new Set(text.split(",").map((word) => word.trim()))];
}

function integer(outcome: IntegerOutcome): FlagValueOutcome {
  if (outcome.ok) return found({ kind: "integer", value: outcome.value });
  return outcome.fault === "syntax" ? PARSE_ERROR : { ok: false, error: "value out of range" };
}

function uint32(text: string): FlagValueOutcome {
  const outcome = parseUnsigned(text, 32);
  if (outcome.ok) return found({ kind: "integer", value: outcome.value });
  const fault = outcome.fault === "syntax" ? "invalid syntax" : "value out of range";
  const error = `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${fault}`;
  return { ok: false, error };
}

function found(value: FlagValue): FlagValueOutcome {
  return { ok: true, value };
}
