import { isDeepStrictEqual } from "node:util";
import type {
  LeaseGrantResponse,
  LeaseLeasesResponse,
  LeaseTimeToLiveResponse,
  MemberListResponse,
  ResponseHeader,
  StatusResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { type ServerProcess, startCapstan, startEtcd } from "../support/server-process.js";
import type { Challenger } from "./compare-run.js";
import { describeOperation, type Operation } from "./operation.js";
import { ScriptSession } from "./scripted-session.js";
import { del, type ScriptOperation, type Step } from "./scripted-steps.js";
import type { CallOutcome } from "./session.js";

const STARTED_REVISION = /"revision":"(\d+)"/;

/** etcd and its challenger, side by side, and a session with each. */
export class ServerPair {
  readonly #servers: readonly [ServerProcess, ServerProcess];
  readonly #sessions: readonly [etcd: ScriptSession, capstan: ScriptSession];

  private constructor(servers: readonly [ServerProcess, ServerProcess]) {
    this.#servers = servers;
    this.#sessions = [new ScriptSession(servers[0].target), new ScriptSession(servers[1].target)];
  }

  /** Starts both with the same flags. */
  static async start(
    flags: readonly string[] = [],
    challenger: Challenger = (more = []) => startCapstan({ flags: more }),
  ): Promise<ServerPair> {
    const etcd = await startEtcd({ flags });
    try {
      return new ServerPair([etcd, await challenger(flags)]);
    } catch (error) {
      await etcd.dispose();
      throw error;
    }
  }

  /** Runs a step on both; gives the two normalised answers. */
  async run(step: Step): Promise<readonly [etcd: unknown, capstan: unknown]> {
    const [etcd, capstan] = await this.outcomes(step);
    return [comparable(step.operation, etcd), comparable(step.operation, capstan)];
  }

  /** Runs a step on both; gives what came back as it came. */
  outcomes({ operation }: Step): Promise<readonly [etcd: CallOutcome, capstan: CallOutcome]> {
    const [etcd, capstan] = this.#sessions;
    return Promise.all([etcd.run(operation), capstan.run(operation)]);
  }

  /**
   * Runs the steps one after another; gives a description of the first place where an answer is not
   * the expected one or the servers differ.
   */
  async compare(steps: (base: number) => readonly Step[]): Promise<string | undefined> {
    for (const step of steps(await this.#revision())) {
      const [etcd, capstan] = await this.run(step);
      const what = describeScriptOperation(step.operation);
      const told = `${what}\netcd:    ${JSON.stringify(etcd)}\ncapstan: ${JSON.stringify(capstan)}`;
      if (step.expected !== undefined) {
        const expected = JSON.stringify(step.expected);
        if (!holds(etcd, step.expected)) return `etcd does not give ${expected}: ${told}`;
        if (!holds(capstan, step.expected)) return `capstan does not give ${expected}: ${told}`;
      }
      if (!isDeepStrictEqual(etcd, capstan)) return `they differ: ${told}`;
    }
    return undefined;
  }

  /** Leaves no keys, leases and streams to the next script. */
  async clean(): Promise<void> {
    for (const session of this.#sessions) {
      session.endStreams();
      await session.run(del("\0", { end: "\0" }).operation);
      const leases = await session.run({ kind: "leaseLeases" });
      if (!leases.ok) throw new Error(`a server ended on the way: ${leases.message}`);
      for (const { ID } of (leases.response as LeaseLeasesResponse).leases) {
        await session.run({ kind: "leaseRevoke", id: ID });
      }
    }
  }

  /** Ends both servers. */
  async dispose(): Promise<void> {
    for (const session of this.#sessions) session.close();
    await Promise.all(this.#servers.map((server) => server.dispose()));
  }

  async #revision(): Promise<number> {
    const [etcd] = await this.run(del("\0none"));
    const revision = STARTED_REVISION.exec(JSON.stringify(etcd))?.[1];
    if (revision === undefined) throw new Error("no revision in the answer to a delete");
    return Number(revision);
  }
}

/** One line that names the operation; long values are cut. */
function describeScriptOperation(operation: ScriptOperation): string {
  return describeOperation(operation as Operation).slice(0, 2000);
}

/** True when every member of `part` is in `whole`; lists have the same length. */
export function holds(whole: unknown, part: unknown): boolean {
  if (Array.isArray(part)) {
    if (!Array.isArray(whole) || whole.length !== part.length) return false;
    return part.every((each, index) => holds(whole[index], each));
  }
  if (typeof part !== "object" || part === null) return Object.is(whole, part);
  if (typeof whole !== "object" || whole === null) return false;
  const members = whole as Record<string, unknown>;
  return Object.entries(part).every(([name, each]) => holds(members[name], each));
}

/**
 * An answer as two servers must agree on it: exact, but for ids, terms and sizes that each server has
 * of its own, what the contract leaves open (L-33), and the fields that 3.6 added.
 */
function comparable(operation: ScriptOperation, outcome: CallOutcome): unknown {
  if (!outcome.ok) return outcome;
  return { ok: true, response: comparableResponse(operation, outcome.response) };
}

function comparableResponse(operation: ScriptOperation, response: unknown): unknown {
  switch (operation.kind) {
    case "burst":
      return {};
    case "events": {
      // No order is promised between the watchers of a stream (W-46).
      const { events } = response as { events: { watchId: bigint }[] };
      return plain({ events: events.toSorted((a, b) => Number(a.watchId - b.watchId)) });
    }
    case "leaseGrant": {
      const granted = response as LeaseGrantResponse;
      const chosen = operation.id === 0n ? { ID: granted.ID > 0n ? "chosen" : granted.ID } : {};
      return plain({ ...granted, ...chosen });
    }
    case "leaseTimeToLive": {
      const answer = response as LeaseTimeToLiveResponse;
      const keys = answer.keys.map((key) => Buffer.from(key).toString("latin1")).sort();
      const lost = answer.grantedTTL - answer.TTL;
      // A slow machine may lose seconds between the calls; all of them is nobody's delay.
      const running = answer.TTL > 0n && lost >= 1n && lost < 15n;
      return plain({ ...answer, keys, TTL: running ? "below the granted" : answer.TTL });
    }
    case "hash":
      return plain({ header: (response as { header: unknown }).header });
    case "hashKv":
      return plain({ ...(response as object), hashRevision: undefined });
    case "memberList": {
      const { header, members } = response as MemberListResponse;
      const shown = members.map(({ name, isLearner, clientURLs, peerURLs, ID }) => ({
        ...{ name, isLearner, clientURLs: clientURLs.length, peerURLs: peerURLs.length },
        isAnswering: ID === header?.memberId,
      }));
      return plain({ header, members: shown });
    }
    case "status":
      return comparableStatus(response as StatusResponse);
    default:
      return plain(response);
  }
}

function comparableStatus(status: StatusResponse): unknown {
  const { header, leader, isLearner, errors, raftTerm, raftIndex, raftAppliedIndex } = status;
  return plain({
    ...{ header, isLearner, errors },
    leads: leader === header?.memberId,
    termOfHeader: raftTerm === header?.raftTerm,
    applied: raftAppliedIndex > 0n && raftAppliedIndex <= raftIndex,
    sized: status.dbSize > 0n && status.dbSizeInUse > 0n && status.dbSizeInUse <= status.dbSize,
  });
}

/** Plain data: bytes as latin1 text, 64-bit numbers as decimals, of a header its revision and whether it names the server. */
function plain(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  if (isHeader(value)) return { revision: String(value.revision), identified: identified(value) };
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => [name, plain(member)]),
  );
}

function isHeader(value: object): value is ResponseHeader {
  return "clusterId" in value && "raftTerm" in value && "revision" in value;
}

function identified({ clusterId, memberId, raftTerm }: ResponseHeader): boolean | "in part" {
  const set = [clusterId, memberId, raftTerm].filter((field) => field !== 0n).length;
  return set === 3 ? true : set === 0 ? false : "in part";
}
