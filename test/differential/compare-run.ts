import { isDeepStrictEqual } from "node:util";
import { GrpcStatus } from "../../src/shared/errors.js";
import { type ServerProcess, startCapstan, startEtcd } from "../support/server-process.js";
import { brokenGrouping, normaliseOutcome, normaliseTranscript } from "./normalise.js";
import { describeOperation, type Operation } from "./operation.js";
import { type CallOutcome, Session } from "./session.js";

/** Where two servers came apart. */
export interface Difference {
  /** Index of the operation, or undefined when a watch transcript differs. */
  readonly index: number | undefined;
  readonly what: string;
  /** What kind of call it is, and whether etcd was still there: a shorter run must fail in the same way. */
  readonly kind: string;
  readonly etcd: unknown;
  readonly capstan: unknown;
}

/** How to start the server that is compared with etcd; etcd itself shows that the harness is fair. */
export type Challenger = (flags?: readonly string[]) => Promise<ServerProcess>;

const WATCH_DEADLINE_MS = 20_000;
const POLL_MS = 20;

/** Runs the operations on fresh servers of both kinds; gives the first difference. */
export async function compareRun(
  operations: readonly Operation[],
  challenger: Challenger = (flags = []) => startCapstan({ flags }),
): Promise<Difference | undefined> {
  const [etcd, capstan] = await Promise.all([startEtcd(), challenger()]);
  const sessions = [new Session(etcd.target), new Session(capstan.target)] as const;
  try {
    return (
      (await compareCalls(operations, sessions)) ?? (await compareTranscripts(operations, sessions))
    );
  } finally {
    for (const session of sessions) session.close();
    await Promise.all([etcd.dispose(), capstan.dispose()]);
  }
}

type Pair = readonly [etcd: Session, capstan: Session];

async function compareCalls(
  operations: readonly Operation[],
  [etcd, capstan]: Pair,
): Promise<Difference | undefined> {
  for (const [index, operation] of operations.entries()) {
    const [expected, actual] = await Promise.all([etcd.run(operation), capstan.run(operation)]);
    const difference = {
      index,
      what: describeOperation(operation),
      kind: `${operation.kind}${isLost(expected) ? ", etcd gone" : ""}`,
      etcd: normaliseOutcome(operation, expected),
      capstan: normaliseOutcome(operation, actual),
    };
    if (!isDeepStrictEqual(difference.etcd, difference.capstan)) return difference;
  }
  return undefined;
}

/** Whether a call failed because its server was not there any more. */
function isLost(outcome: CallOutcome): boolean {
  return !outcome.ok && outcome.code === GrpcStatus.UNAVAILABLE;
}

/** Waits until both have told their watchers the same; live events need a moment, not a fixed one. */
async function compareTranscripts(
  operations: readonly Operation[],
  [etcd, capstan]: Pair,
): Promise<Difference | undefined> {
  const deadline = Date.now() + WATCH_DEADLINE_MS;
  const sides = (): [unknown[], unknown[]] => [
    etcd.transcripts.map(normaliseTranscript),
    capstan.transcripts.map(normaliseTranscript),
  ];
  // Both at rest, and equal: a run of equal looks, so that an event still under way is not missed.
  let equalLooks = 0;
  while (equalLooks < 5 && Date.now() < deadline) {
    const [expected, actual] = sides();
    equalLooks = isDeepStrictEqual(expected, actual) ? equalLooks + 1 : 0;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  const [expected, actual] = sides();
  const broken = capstan.transcripts.map(brokenGrouping).find((text) => text !== undefined);
  if (broken !== undefined) {
    return { index: undefined, what: broken, kind: "grouping", etcd: "", capstan: "" };
  }
  const at = expected.findIndex((side, index) => !isDeepStrictEqual(side, actual[index]));
  if (at === -1) return undefined;
  const creations = operations.filter((operation) => operation.kind === "watch");
  const creation = creations[at];
  return {
    index: undefined,
    kind: "transcript",
    what: `watcher ${at}: ${creation === undefined ? "" : describeOperation(creation)}`,
    etcd: expected[at],
    capstan: actual[at],
  };
}

/**
 * Makes a failing sequence shorter: drops ever smaller runs of operations while the difference stays.
 * Bounded in tries, since each one starts two servers.
 */
export async function shrinkRun(
  operations: readonly Operation[],
  differs: (operations: readonly Operation[]) => Promise<boolean>,
  triesMax: number,
): Promise<readonly Operation[]> {
  let current = operations;
  let tries = 0;
  for (let size = Math.ceil(current.length / 2); size >= 1; size = Math.floor(size / 2)) {
    let start = 0;
    while (start < current.length && tries < triesMax) {
      const candidate = [...current.slice(0, start), ...current.slice(start + size)];
      tries++;
      if (candidate.length > 0 && (await differs(candidate))) current = candidate;
      else start += size;
    }
  }
  return current;
}
