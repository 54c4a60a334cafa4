import { type Outcome, refuse, succeed } from "../../shared/errors.js";
import { BoardSlot, type StatusBoard } from "../../shared/status-board.js";
import type { Frontend } from "../frontend/frontend.js";
import type { HealthProbe } from "./health-probe.js";

/** The key that the health pages read; whether it exists does not matter. */
const HEALTH_KEY = Buffer.from("health");

/** Answers the health pages from the status board and one frontend's reads. */
export function createHealthProbe(frontend: Frontend, board: StatusBoard): HealthProbe {
  const read = (): Outcome<unknown> => succeed(frontend.view.get(HEALTH_KEY));
  return {
    alarms: () => [
      ...(board.get(BoardSlot.noSpaceAlarms) > 0 ? (["NOSPACE"] as const) : []),
      ...(board.get(BoardSlot.corruptAlarms) > 0 ? (["CORRUPT"] as const) : []),
    ],
    hasLeader: () => board.getId(BoardSlot.leaderId) !== 0n,
    isLearner: () => false,
    serializableRead: () => Promise.resolve(read()),
    linearizableRead: () =>
      new Promise((resolve) => {
        frontend.linearizable((code) => resolve(code === 0 ? read() : refuse(code)));
      }),
  };
}
