import { parseBoolean } from "./go-scalars.js";

interface FeatureGate {
  readonly name: string;
  readonly stage: "alpha" | "beta";
  readonly initial: boolean;
}

/** The gates of the API level that this server speaks. docs/facts/flags.md section 3. */
export const FEATURE_GATES: readonly FeatureGate[] = [
  { name: "InitialCorruptCheck", stage: "alpha", initial: false },
  { name: "CompactHashCheck", stage: "alpha", initial: false },
  { name: "StopGRPCServiceOnDefrag", stage: "alpha", initial: false },
  { name: "TxnModeWriteWithSharedBuffer", stage: "beta", initial: true },
  { name: "LeaseCheckpoint", stage: "alpha", initial: false },
  { name: "LeaseCheckpointPersist", stage: "alpha", initial: false },
  { name: "SetMemberLocalAddr", stage: "alpha", initial: false },
  { name: "FastLeaseKeepAlive", stage: "beta", initial: true },
  { name: "PriorityRequest", stage: "alpha", initial: false },
];

const STAGE_SWITCHES = ["AllAlpha", "AllBeta"];

/** Gates that the operator set, by name, or why the text is none (etcd's words). */
export type GatesOutcome =
  | { readonly ok: true; readonly gates: ReadonlyMap<string, boolean> }
  | { readonly ok: false; readonly error: string };

/** Reads "A=true,B=false". An unknown name is refused. */
export function parseFeatureGates(text: string): GatesOutcome {
  const gates = new Map<string, boolean>();
  for (const item of text.split(",")) {
    if (item.trim() === "") continue;
    const equals = item.indexOf("=");
    const name = (equals < 0 ? item : item.slice(0, equals)).trim();
    if (equals < 0) return { ok: false, error: `missing bool value for ${name}` };
    if (!isKnown(name)) return { ok: false, error: `unrecognized feature gate: ${name}` };
    const value = item.slice(equals + 1).trim();
    const on = parseBoolean(value);
    if (on === undefined) {
      const cause = `strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`;
      return { ok: false, error: `invalid value of ${name}=${value}, err: ${cause}` };
    }
    gates.set(name, on);
  }
  return { ok: true, gates };
}

/** The state of every gate: its own setting, else its stage's switch, else its default. */
export function resolveFeatureGates(set: ReadonlyMap<string, boolean>): Record<string, boolean> {
  const resolved: Record<string, boolean> = {};
  for (const gate of FEATURE_GATES) {
    const stageSwitch = gate.stage === "alpha" ? "AllAlpha" : "AllBeta";
    resolved[gate.name] = set.get(gate.name) ?? set.get(stageSwitch) ?? gate.initial;
  }
  return resolved;
}

function isKnown(name: string): boolean {
  return STAGE_SWITCHES.includes(name) || FEATURE_GATES.some((gate) => gate.name === name);
}
