import type { Guard, KvInput } from "./kv-operation.js";
import { type KvState, type Revision, withKey } from "./kv-state.js";

/** Whether guards hold; "open" when that depends on a revision that nobody knows yet. */
export type Holds = "yes" | "no" | "open";

/** Whether all guards of a request hold in a state. */
export function guardsHold(state: KvState, input: KvInput): Holds {
  const all = input.guards.map((guard) => guardHolds(state, guard));
  if (all.includes("no")) return "no";
  return all.includes("open") ? "open" : "yes";
}

function guardHolds(state: KvState, guard: Guard): Holds {
  const known = state.keys.get(guard.key);
  if (guard.target === "value") {
    // etcd: a comparison of the value of a key that is not there is false, whatever it asks.
    return known !== undefined && compared(known.value, guard) ? "yes" : "no";
  }
  const number = known?.[guard.target] ?? 0;
  if (typeof number === "number") return compared(number, guard) ? "yes" : "no";
  return openGuard(number, guard);
}

function compared(left: string | number, { is, than }: Guard): boolean {
  if (is === "=") return left === than;
  if (is === "!=") return left !== than;
  return is === "<" ? left < than : left > than;
}

/** A number above a bound, against the guard: some comparisons are decided all the same. */
function openGuard(revision: Exclude<Revision, number>, { is, than }: Guard): Holds {
  const possible = Number(than) > revision.above;
  if (is === "=") return possible ? "open" : "no";
  if (is === "!=") return possible ? "open" : "yes";
  if (is === "<") return Number(than) > revision.above + 1 ? "open" : "no";
  return possible ? "open" : "yes";
}

/** The state in which open guards held: an equality settles the revision. */
export function settledByGuards(state: KvState, input: KvInput): KvState {
  let settled = state;
  for (const { key, target, is, than } of input.guards) {
    const known = settled.keys.get(key);
    if (is !== "=" || known === undefined || typeof than !== "number") continue;
    if (target === "modRevision" && typeof known.modRevision !== "number") {
      settled = withKey(settled, key, { ...known, modRevision: than });
    } else if (target === "createRevision" && typeof known.createRevision !== "number") {
      settled = withKey(settled, key, { ...known, createRevision: than });
    }
  }
  return settled;
}
