import { parseArgs } from "node:util";
import { parseDuration } from "../../src/shared/duration.js";

/** A command line that cannot be followed; the message says why. */
export class UsageError extends Error {}

/** One flag; the default is as it would be written. */
export interface Flag {
  readonly type: "string" | "boolean";
  readonly default?: string;
  readonly help: string;
  /** Not to be shown in a record of the run. */
  readonly isSecret?: boolean;
}

/** Flags by name. */
export type FlagTable = Readonly<Record<string, Flag>>;

/** Flags as they were given, with the defaults of those that were not. Readers throw UsageError. */
export class Flags {
  /** What stands on the line beside flags. */
  readonly words: readonly string[];
  readonly #table: FlagTable;
  readonly #given: Readonly<Record<string, string | boolean | undefined>>;

  constructor(args: readonly string[], table: FlagTable, wordsMax = 0) {
    const options = Object.fromEntries(
      Object.entries(table).map(([name, { type }]) => [name, { type }]),
    );
    this.#table = table;
    try {
      const parsed = parseArgs({
        args: args.map((arg) => plainBoolean(arg, table)).filter((arg) => arg !== ""),
        options,
        strict: true,
        allowPositionals: wordsMax > 0,
      });
      this.#given = parsed.values;
      this.words = parsed.positionals;
    } catch (error) {
      throw new UsageError(error instanceof Error ? error.message : String(error));
    }
    if (this.words.length > wordsMax)
      throw new UsageError(`too many words: ${this.words.join(" ")}`);
  }

  /** Whether a flag was given. */
  has(name: string): boolean {
    return this.#given[name] !== undefined;
  }

  /** A flag that is set or not. */
  isSet(name: string): boolean {
    return this.#given[name] === true;
  }

  /** A flag that is text; undefined when it was not given and has no default. */
  text(name: string): string | undefined {
    const value = this.#given[name] ?? this.#table[name]?.default;
    return typeof value === "string" ? value : undefined;
  }

  /** A flag that must be a number, at least `least`. */
  number(name: string, least = 0): number {
    const text = this.text(name) ?? "";
    const number = text.trim() === "" ? Number.NaN : Number(text);
    if (!Number.isFinite(number) || number < least) {
      throw new UsageError(`--${name} must be a number of at least ${least}`);
    }
    return number;
  }

  /** A flag that must be a whole number, at least `least`. */
  count(name: string, least = 1): number {
    const number = this.number(name, least);
    if (!Number.isSafeInteger(number)) throw new UsageError(`--${name} must be a whole number`);
    return number;
  }

  /** A flag of whole numbers with commas between them; undefined when it was not given. */
  counts(name: string): number[] | undefined {
    return this.text(name)
      ?.split(",")
      .map((text) => {
        const number = text.trim() === "" ? Number.NaN : Number(text);
        if (Number.isSafeInteger(number) && number > 0) return number;
        throw new UsageError(`--${name} must be whole numbers with commas between them`);
      });
  }

  /** A flag such as "300ms" or "5s", in milliseconds. */
  durationMs(name: string): number {
    const outcome = parseDuration(this.text(name) ?? "0");
    if (!outcome.ok) throw new UsageError(`--${name}: ${outcome.error}`);
    return Number(outcome.ns) / 1_000_000;
  }

  /** A flag that must be one of these words. */
  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const text = this.text(name);
    const found = allowed.find((each) => each === text);
    if (found !== undefined) return found;
    throw new UsageError(`--${name} must be ${allowed.join(", ").replace(/, ([^,]*)$/, " or $1")}`);
  }

  /** All values but secrets, for a record of the run. */
  record(): Record<string, string | boolean> {
    const shown = Object.keys(this.#table).filter((name) => this.#table[name]?.isSecret !== true);
    const all = shown.map((name) => [name, this.#given[name] ?? this.text(name)]);
    return Object.fromEntries(all.filter(([, value]) => value !== undefined));
  }
}

/** A boolean flag may be given a value, as by etcd's programs: --json=true, --json=false. */
function plainBoolean(arg: string, table: FlagTable): string {
  const [, name = "", value] = /^--([^=]+)=(true|false)$/.exec(arg) ?? [];
  if (table[name]?.type !== "boolean") return arg;
  return value === "true" ? `--${name}` : "";
}

/** Lines that explain flags. */
export function flagsHelp(flags: FlagTable): string {
  return Object.entries(flags)
    .map(([name, flag]) => {
      const fallback = flag.default === undefined ? "" : ` (${flag.default})`;
      return `  --${name.padEnd(20)} ${flag.help}${fallback}`;
    })
    .join("\n");
}

/** Prints why a command failed; gives the exit code. */
export function reportFailure(error: unknown): number {
  const isUsage = error instanceof UsageError;
  console.error(isUsage ? `${error.message}; --help explains` : causeText(error));
  return isUsage ? 2 : 1;
}

function causeText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  return cause instanceof Error && !error.message.includes(cause.message)
    ? `${error.message}: ${cause.message}`
    : error.message;
}
