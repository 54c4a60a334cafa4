import type { ApplyWorkerData } from "../shared/control/apply-control.js";
import { type AlarmType, Member } from "../shared/gen/etcdserverpb/rpc.js";
import { Lease } from "../shared/gen/leasepb/lease.js";
import type { DeltaWriter } from "../shared/mvcc/delta-writer.js";
import { KeySpace } from "../shared/mvcc/key-space.js";
import { StoreCorruptError } from "../shared/mvcc/types.js";
import { Lessor } from "./core/lessor.js";
import type { ApplyCounts } from "./core/machine-context.js";
import { StateMachine } from "./core/state-machine.js";
import type { StoreWriter } from "./store/store-writer.js";

/** What a machine is restored from. */
export interface RestoreOptions {
  readonly data: Pick<ApplyWorkerData, "heartbeatMs" | "electionMs" | "quotaBytes">;
  readonly store: StoreWriter;
  readonly delta: DeltaWriter;
  /** What the quota counts; asked for when entries are applied. */
  readonly usedBytes: () => number;
  /** Counts to go on from. */
  readonly counts?: ApplyCounts | undefined;
}

/**
 * The state machine as the store has it: leases, members and alarms are read, keys are not, so that the
 * time it takes does not grow with them. Rows that cannot be decoded: StoreCorruptError.
 */
export function restoreMachine(options: RestoreOptions): StateMachine {
  const { data, store, delta, usedBytes, counts } = options;
  const { reader, state } = store;
  const { appliedIndex, appliedTerm, revision, compactRevision, stateHash } = state;
  const lessor = new Lessor(data);
  const machine = new StateMachine({
    space: new KeySpace({ base: reader, writer: delta, revision, compactRevision, appliedIndex }),
    lessor,
    leaseKeyBase: {
      visitLeaseKeys: (id, visit) =>
        reader.snapshot.visitLeaseKeys(id, (_lease, key) => visit(key)),
    },
    quota: {
      bytesMax: data.quotaBytes === 0 ? Number.POSITIVE_INFINITY : data.quotaBytes,
      usedBytes,
    },
    appliedIndex,
    appliedTerm,
    stateHash,
    ...(counts && { counts }),
  });
  const { snapshot } = reader;
  snapshot.visitLeases((_id, row) => {
    const { ID, TTL, RemainingTTL } = decodeRow("leases", Lease, row);
    lessor.restore(ID, Number(TTL), Number(RemainingTTL));
  });
  // Copied: members are kept, and their rows are LMDB's.
  snapshot.visitMembers((_id, row) => {
    machine.members.restore(decodeRow("members", Member, Uint8Array.from(row)));
  });
  snapshot.visitRemovedMembers((id) => machine.members.restoreRemoved(id));
  snapshot.visitAlarms((memberID, alarm) => {
    machine.alarms.restore({ memberID, alarm: alarm as AlarmType });
  });
  return machine;
}

function decodeRow<T>(table: string, codec: { decode(row: Uint8Array): T }, row: Uint8Array): T {
  try {
    return codec.decode(row);
  } catch (error) {
    throw new StoreCorruptError(`store damaged: table ${table}: a row cannot be decoded`, {
      cause: error,
    });
  }
}
