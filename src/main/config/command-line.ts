import type { FlagSpec } from "./flag-spec.js";
import { FLAG_BY_NAME } from "./flag-table.js";
import { type FlagValue, parseFlagValue } from "./flag-value.js";

/** One flag of the command line, in the order given. */
export interface Assignment {
  readonly spec: FlagSpec;
  readonly value: FlagValue;
}

/** What the words of a command line say. */
export type CommandLine =
  | {
      readonly kind: "flags";
      readonly assignments: readonly Assignment[];
      /** Words from the first that is no flag on. */
      readonly strayWords: readonly string[];
    }
  | { readonly kind: "help" }
  | { readonly kind: "error"; readonly message: string };

/**
 * Reads `-name value`, `--name=value` and so on as etcd does: words are taken in order, the first error
 * ends the reading, and so does the first word that is no flag. docs/facts/flags.md section 1.
 */
export function parseCommandLine(argv: readonly string[]): CommandLine {
  const assignments: Assignment[] = [];
  let position = 0;
  while (position < argv.length) {
    const word = argv[position] ?? "";
    if (word.length < 2 || !word.startsWith("-")) break;
    position += 1;
    if (word === "--") break;
    const flag = splitWord(word);
    if (flag === undefined) return { kind: "error", message: `bad flag syntax: ${word}` };
    const spec = FLAG_BY_NAME.get(flag.name);
    if (spec === undefined) {
      if (flag.name === "help" || flag.name === "h") return { kind: "help" };
      return { kind: "error", message: `flag provided but not defined: -${flag.name}` };
    }
    let text = flag.text;
    if (text === undefined && isBoolean(spec)) text = "true";
    if (text === undefined) {
      text = argv[position];
      position += 1;
    }
    if (text === undefined) {
      return { kind: "error", message: `flag needs an argument: -${flag.name}` };
    }
    const outcome = parseFlagValue(spec, text);
    if (!outcome.ok) {
      return { kind: "error", message: faultMessage(spec, text, outcome.error) };
    }
    assignments.push({ spec, value: outcome.value });
  }
  return { kind: "flags", assignments, strayWords: argv.slice(position) };
}

function splitWord(word: string): { name: string; text: string | undefined } | undefined {
  const body = word.slice(word.startsWith("--") ? 2 : 1);
  if (body.startsWith("-") || body.startsWith("=")) return undefined;
  const equals = body.indexOf("=");
  if (equals < 0) return { name: body, text: undefined };
  return { name: body.slice(0, equals), text: body.slice(equals + 1) };
}

function isBoolean(spec: FlagSpec): boolean {
  return spec.kind === "boolean" || spec.kind === "ignored";
}

function faultMessage(spec: FlagSpec, text: string, error: string): string {
  const quoted = JSON.stringify(text);
  if (isBoolean(spec)) return `invalid boolean value ${quoted} for -${spec.name}: ${error}`;
  return `invalid value ${quoted} for flag -${spec.name}: ${error}`;
}
