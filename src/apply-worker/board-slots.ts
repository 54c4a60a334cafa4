import { AlarmType } from "../shared/gen/etcdserverpb/rpc.js";
import type { StoreSizes } from "../shared/mvcc/base/lmdb-base-reader.js";
import { BoardSlot, type StatusBoard } from "../shared/status-board.js";
import { isCorruptEverywhere, isCorruptHere } from "./core/corruption.js";
import type { StateMachine } from "./core/state-machine.js";

/** Counts since the process started, over all lives of the driver. */
export interface Totals {
  leasesExpired: number;
  leasesRenewed: number;
  slowApplies: number;
  /** Revisions that compactions removed. */
  compactedRevisions: number;
  checkpoints: number;
}

/** No counts yet. */
export function noTotals(): Totals {
  return {
    leasesExpired: 0,
    leasesRenewed: 0,
    slowApplies: 0,
    compactedRevisions: 0,
    checkpoints: 0,
  };
}

/** Writes what was applied onto the board. */
export function writeAppliedSlots(
  board: StatusBoard,
  machine: StateMachine,
  more: { readonly memberId: bigint; readonly totals: Totals },
): void {
  const { counts, alarms, members } = machine;
  const { revision, compactRevision } = machine.space.view;
  board.set(BoardSlot.appliedIndex, machine.appliedIndex);
  board.set(BoardSlot.revision, revision);
  board.set(BoardSlot.compactRevisionPlusOne, compactRevision + 1);
  board.set(BoardSlot.putsTotal, counts.puts);
  board.set(BoardSlot.deletesTotal, counts.deletes);
  board.set(BoardSlot.txnsTotal, counts.txns);
  board.set(BoardSlot.leasesGranted, counts.leasesGranted);
  board.set(BoardSlot.leasesRevoked, counts.leasesRevoked);
  board.set(BoardSlot.leasesExpired, more.totals.leasesExpired);
  board.set(BoardSlot.slowApplies, more.totals.slowApplies);
  board.set(BoardSlot.noSpaceAlarms, alarms.count(AlarmType.NOSPACE));
  board.set(BoardSlot.corruptAlarms, alarms.count(AlarmType.CORRUPT));
  board.set(BoardSlot.corruptHere, isCorruptHere(alarms, members, more.memberId) ? 1 : 0);
  board.set(BoardSlot.corruptEverywhere, isCorruptEverywhere(alarms, members) ? 1 : 0);
}

/** Writes how the store stands onto the board. */
export function writeStoreSlots(
  board: StatusBoard,
  store: {
    readonly flushedIndex: number;
    readonly sizes: StoreSizes;
    readonly deltaBytes: number;
    readonly totals: Totals;
  },
): void {
  const { sizes, totals } = store;
  board.set(BoardSlot.flushedIndex, store.flushedIndex);
  board.set(BoardSlot.storeBytes, sizes.bytes);
  board.set(BoardSlot.storeBytesInUse, sizes.bytesInUse);
  board.set(BoardSlot.deltaBytes, store.deltaBytes);
  board.set(BoardSlot.leasesRenewed, totals.leasesRenewed);
  board.set(BoardSlot.compactedRevisions, totals.compactedRevisions);
  board.set(BoardSlot.checkpoints, totals.checkpoints);
}
