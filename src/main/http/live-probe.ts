import { type Outcome, refuse, succeed } from "../../shared/errors.js";
import { BoardSlot, type StatusBoard } from "../../shared/status-board.js";
import type { Standing } from "../cluster/standing.js";
import type { Frontend } from "../frontend/frontend.js";
import type { HealthProbe } from "./health-probe.js";

/** The key that the health pages read; whether it exists does not matter. */
const HEALTH_KEY = Buffer.from("health");

/**
 * Answers the health pages from the status board, this member's standing and one frontend's reads. A member that
 * an alarm calls corrupt is ill alone: the others are none the worse.
 */
export function createHealthProbe(
  frontend: Frontend,
  board: StatusBoard,
  standing: Standing,
): HealthProbe {
  const read = (): Outcome<unknown> => succeed(frontend.view.get(HEALTH_KEY));
  return {
    alarms: () => [
      ...(board.get(BoardSlot.noSpaceAlarms) > 0 ? (["NOSPACE"] as const) : []),
      ...(standing.isCorrupt || board.get(BoardSlot.corruptEverywhere) > 0
        ? (["CORRUPT"] as const)
        : []),
    ],
    hasLeader: () => board.getId(BoardSlot.leaderId) !== 0n,
    isLearner: () => standing.isLearner,
    serializableRead: () => Promise.resolve(read()),
    linearizableRead: () =>
      new Promise((resolve) => {
        frontend.linearizable((code) => resolve(code === 0 ? read() : refuse(code)));
      }),
  };
}
