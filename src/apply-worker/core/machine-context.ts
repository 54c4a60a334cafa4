import { ErrorCode } from "../../shared/errors.js";
import { EMPTY_BODY } from "../../shared/response-body.js";
import type { Alarms } from "./alarms.js";
import type { Members } from "./members.js";
import type { SideTables } from "./side-tables.js";
import type { OpContext, OpCounts } from "./write-ops.js";

/** Counts of what was applied since the process started, for the metrics. */
export interface ApplyCounts extends OpCounts {
  txns: number;
  leasesGranted: number;
  leasesRevoked: number;
}

/** The space quota of this member (limits.md section 6). */
export interface Quota {
  /** Infinity for none. */
  readonly bytesMax: number;
  /** What the store takes now. */
  usedBytes(): number;
}

/** Everything that entries are applied to. */
export interface MachineContext extends OpContext {
  readonly alarms: Alarms;
  readonly members: Members;
  readonly tables: SideTables;
  readonly quota: Quota;
  readonly counts: ApplyCounts;
  /** The members are others than when the owner last cleared this. */
  membersChanged: boolean;
  /** Time of the apply that is going on, in milliseconds of a monotonic clock. */
  nowMs: number;
}

/** What became of an entry. */
export interface ApplyResult {
  /** 0 for success. */
  readonly code: ErrorCode | 0;
  /** For the answer's header (semantics.md section 2). */
  readonly revision: number;
  /** The response without its header field; bytes of its own. */
  readonly body: Uint8Array;
  /** The answer waits until what was compacted is removed (C-08). */
  readonly awaitsCompaction: boolean;
  /** The entry was applied though it found no room: the alarm must be raised (MT-20, MT-22). */
  readonly foundNoSpace: boolean;
}

/** A success with the revision as it is now. */
export function answered(context: MachineContext, body: Uint8Array = EMPTY_BODY): ApplyResult {
  return {
    code: 0,
    revision: context.space.view.revision,
    body,
    awaitsCompaction: false,
    foundNoSpace: false,
  };
}

/** A refusal. */
export function refused(context: MachineContext, code: ErrorCode): ApplyResult {
  return { ...answered(context), code };
}

/**
 * Answers *no space* in place of success when the request found no room: it is executed nevertheless,
 * since members may differ in how full they are and must not differ in what they hold (MT-22).
 */
export function withinQuota(
  context: MachineContext,
  costBytes: number,
  apply: () => ApplyResult,
): ApplyResult {
  const { quota } = context;
  const fits = costBytes === 0 || quota.usedBytes() + costBytes < quota.bytesMax;
  const result = apply();
  if (fits || result.code !== 0) return result;
  return { ...result, code: ErrorCode.noSpace, body: EMPTY_BODY, foundNoSpace: true };
}
