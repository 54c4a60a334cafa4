/** How the value of a flag is written, and what it is checked against. */
export type FlagKind =
  | "text"
  | "boolean"
  /** 64 bits, unsigned. */
  | "uint"
  /** 32 bits, unsigned. */
  | "uint32"
  /** 64 bits, signed. */
  | "int"
  | "duration"
  | "urls"
  /** URLs, or `*` for any origin. */
  | "origins"
  /** Comma-separated words. */
  | "list"
  /** One of `choices`. */
  | "choice"
  | "gates"
  /** Left over from etcd 0.4: taken with any value, without effect. */
  | "ignored";

/**
 * What this version does with a flag. None is silently ignored: an accepted flag draws a warning and a
 * refused one stops the start, both only when its value differs from the default.
 */
export type FlagSupport =
  | { readonly kind: "full" }
  | { readonly kind: "accepted"; readonly reason: string; readonly warnAlways?: boolean }
  | { readonly kind: "refused"; readonly reason: string };

/** One setting of the server: its name on the command line fixes its variable (see environmentName). */
export interface FlagSpec {
  readonly name: string;
  readonly kind: FlagKind;
  /** Default, as it would be written on the command line. */
  readonly initial: string;
  /** One or two sentences for --help. */
  readonly help: string;
  readonly support: FlagSupport;
  /** Path of keys in the configuration file; undefined where the file has no such key. */
  readonly fileKey: readonly string[] | undefined;
  readonly choices: readonly string[];
  /** A name from etcd 3.5 for what is now another flag or a feature gate. flags.md section 4. */
  readonly replacedBy: { readonly flag: string } | { readonly gate: string } | undefined;
}

/** A group of flags as --help shows it. */
export interface FlagGroup {
  readonly title: string;
  readonly flags: readonly FlagSpec[];
}

/** What a row of a table may say beyond name, kind, default and help. */
export interface FlagExtra {
  readonly support?: FlagSupport;
  /** Dotted path, or null for none; the flag's name when left out. */
  readonly fileKey?: string | null;
  readonly choices?: readonly string[];
}

/** One row of a flag table. */
export type FlagRow = readonly [
  name: string,
  kind: FlagKind,
  initial: string,
  help: string,
  extra?: FlagExtra,
];

const FULL: FlagSupport = { kind: "full" };

/** The flag is taken, has no effect, and the log says so with this reason. */
export function accepted(reason: string): FlagExtra {
  return { support: { kind: "accepted", reason } };
}

/** The server does not start with this flag, and says so with this reason. */
export function refused(reason: string): FlagExtra {
  return { support: { kind: "refused", reason } };
}

/** Builds a group from its rows. */
export function flagGroup(title: string, rows: readonly FlagRow[]): FlagGroup {
  return { title, flags: rows.map(specOf) };
}

/** A second name of a flag or a gate, kept for deployments written for etcd 3.5. */
export function alias(
  name: string,
  kind: FlagKind,
  replacedBy: { flag: string } | { gate: string },
) {
  return {
    name,
    kind,
    initial: "",
    help: "",
    support: FULL,
    fileKey: [name],
    choices: [],
    replacedBy,
  } satisfies FlagSpec;
}

/** The environment variable of a flag: ETCD_ and the name in capitals. flags.md section 1. */
export function environmentName(flagName: string): string {
  return `ETCD_${flagName.toUpperCase().replaceAll("-", "_")}`;
}

function specOf([name, kind, initial, help, extra = {}]: FlagRow): FlagSpec {
  const { support = FULL, fileKey = name, choices = [] } = extra;
  return {
    name,
    kind,
    initial,
    help,
    support,
    fileKey: fileKey === null ? undefined : fileKey.split("."),
    choices,
    replacedBy: undefined,
  };
}
