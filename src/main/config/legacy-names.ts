import { FLAG_BY_NAME } from "./flag-table.js";
import { type LogNote, note } from "./log-note.js";
import type { Settings } from "./settings.js";

/** What became of the settings under old names. */
export interface LegacyOutcome {
  readonly notes: readonly LogNote[];
  /** An old and a new name were given together. */
  readonly error: string | undefined;
  /** Every gate that was set, under either name. */
  readonly gates: ReadonlyMap<string, boolean>;
}

/**
 * Moves settings under etcd 3.5's experimental names to the flags and gates they became, with a warning
 * each. Both names together are an error. docs/facts/flags.md section 4.
 */
export function adoptLegacyNames(settings: Settings): LegacyOutcome {
  const notes: LogNote[] = [];
  const gates = new Map(settings.gates("feature-gates"));
  let error: string | undefined;
  for (const spec of settings.setFlags()) {
    const { replacedBy } = spec;
    if (replacedBy === undefined) continue;
    const value = settings.raw(spec);
    const replacement =
      "gate" in replacedBy ? `--feature-gates=${replacedBy.gate}` : `--${replacedBy.flag}`;
    const fields = { flag: `--${spec.name}`, replacement };
    notes.push(note("warn", "deprecated flag is set; use its replacement", fields));
    if ("gate" in replacedBy) {
      if (gates.has(replacedBy.gate)) error ??= bothFault(spec.name, replacement);
      if (value.kind === "boolean") gates.set(replacedBy.gate, value.on);
    } else {
      const target = FLAG_BY_NAME.get(replacedBy.flag);
      if (settings.isSet(replacedBy.flag)) error ??= bothFault(spec.name, replacement);
      if (target !== undefined) settings.set(target, value);
    }
  }
  return { notes, error, gates };
}

function bothFault(oldName: string, replacement: string): string {
  return `cannot set both --${oldName} and ${replacement}: they are one setting`;
}
