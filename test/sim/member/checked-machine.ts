import type { ApplyResult } from "../../../src/apply-worker/core/machine-context.js";
import type { CommittedEntry, StateMachine } from "../../../src/apply-worker/core/state-machine.js";
import type { DeltaRecord } from "../../../src/shared/mvcc/delta-record.js";

/** What applying one entry did on one member. */
export interface AppliedEntry {
  readonly entry: CommittedEntry;
  readonly result: ApplyResult;
  /** Visits the changes that it made; each is valid during the call. */
  readonly forEachChange: (visit: (change: DeltaRecord) => void) => void;
}

/** Lets somebody see each entry that a machine applies. */
export function watchMachine(
  machine: StateMachine,
  onApplied: (applied: AppliedEntry) => void,
): void {
  const apply = machine.apply.bind(machine);
  machine.apply = (entry, nowMs) => {
    const before = machine.space.view.end;
    const result = apply(entry, nowMs);
    if (result !== undefined) {
      const { end, delta } = machine.space.view;
      const forEachChange = (visit: (change: DeltaRecord) => void): void => {
        if (end.segment !== before.segment || end.offset !== before.offset) {
          delta.forEach(before, end, visit);
        }
      };
      onApplied({ entry, result, forEachChange });
    }
    return result;
  };
}
