import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import { MaintenanceDefinition } from "../../src/shared/gen/etcdserverpb/rpc.js";
import {
  findEtcdProgram,
  freePort,
  type ServerProcess,
  type StartOptions,
  startCapstan,
  startEtcd,
} from "../../test/support/server-process.js";
import { UsageError } from "../commands/flags.js";

/** Servers that can be measured. */
export type SubjectName = "capstan" | "etcd";

/**
 * Those to measure: all that are there, or the one asked for. etcd is there where CAPSTAN_ETCD_DIR
 * or PATH has it. Throws UsageError when the one asked for is not.
 */
export function subjects(only: string | undefined): SubjectName[] {
  const there: SubjectName[] =
    findEtcdProgram("etcd") === undefined ? ["capstan"] : ["capstan", "etcd"];
  const chosen = there.filter((name) => only === undefined || name === only);
  if (chosen.length === 0) throw new UsageError(`--only ${only}: no such server here`);
  if (chosen.length === 1 && only === undefined) {
    console.error("no etcd on PATH or in CAPSTAN_ETCD_DIR: capstan alone");
  }
  return chosen;
}

/** Servers that run and directories that are there: what a signal must clear away. */
const running = new Set<number>();
const directories = new Set<string>();

/** Starts a server on a free port and a directory. */
export async function startSubject(
  name: SubjectName,
  options: StartOptions,
): Promise<ServerProcess> {
  const server = await (name === "capstan" ? startCapstan(options) : startEtcd(options));
  running.add(server.pid);
  void server.exited.finally(() => running.delete(server.pid));
  return server;
}

/** A server, or all the members of a cluster, that loads are made against. */
export interface RunningSubject {
  /** host:port each, the leader's first. */
  readonly targets: readonly string[];
  readonly pids: readonly number[];
  /** Ends all of it hard. */
  dispose(): Promise<void>;
}

/** Starts a cluster on free ports and directories below one, and waits until it has a leader. */
export async function startSubjects(
  name: SubjectName,
  options: { readonly dataDir: string; readonly members: number },
): Promise<RunningSubject> {
  const { dataDir, members } = options;
  const places = await Promise.all(
    Array.from({ length: members }, async (_, i) => ({
      name: `m${i + 1}`,
      peerUrl: `http://127.0.0.1:${await freePort()}`,
    })),
  );
  const roster = places.map((place) => `${place.name}=${place.peerUrl}`).join(",");
  const started = await Promise.allSettled(
    places.map((place) =>
      startSubject(name, { ...memberOptions(place, roster), dataDir: join(dataDir, place.name) }),
    ),
  );
  const servers = started.flatMap((each) => (each.status === "fulfilled" ? [each.value] : []));
  const dispose = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.dispose()));
  };
  try {
    for (const each of started) if (each.status === "rejected") throw each.reason;
    const targets = await leaderFirst(servers.map(({ target }) => target));
    return { targets, pids: servers.map(({ pid }) => pid), dispose };
  } catch (error) {
    await dispose();
    throw error;
  }
}

function memberOptions(place: { readonly name: string; readonly peerUrl: string }, roster: string) {
  const { name, peerUrl } = place;
  const flags = [
    ...["--name", name, "--initial-cluster", roster],
    ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
  ];
  return { flags };
}

/** The leader's target before the others: who uses one connection only should know whose it is. */
async function leaderFirst(targets: readonly string[]): Promise<string[]> {
  const leads = await Promise.all(
    targets.map(async (target) => {
      const rpc = new RpcClient(target);
      try {
        const { status } = MaintenanceDefinition.methods;
        const answer = await rpc.unary(
          MaintenanceDefinition,
          status,
          {},
          { timeoutMs: STATUS_TIMEOUT_MS },
        );
        return answer.leader === answer.header?.memberId;
      } finally {
        rpc.close();
      }
    }),
  );
  return [...targets.filter((_, i) => leads[i]), ...targets.filter((_, i) => !leads[i])];
}

/**
 * From now on a signal that ends this process ends its servers first, and removes their
 * directories.
 */
export function clearAwayOnSignals(): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      for (const pid of running) process.kill(pid, "SIGKILL");
      for (const directory of directories) rmSync(directory, { recursive: true, force: true });
      process.exit(1);
    });
  }
}

const STATUS_TIMEOUT_MS = 10_000;
const TMPFS_MAGIC = 0x01021994;

/**
 * Runs something on a new data directory below `parent` (the system's temporary directory by
 * default), and removes it afterwards. Throws where the parent is in memory: a sync costs nothing
 * there.
 */
export async function withDataDir<T>(
  parent: string | undefined,
  run: (dataDir: string) => Promise<T>,
): Promise<T> {
  const base = parent ?? tmpdir();
  if (statfsSync(base).type === TMPFS_MAGIC) {
    throw new Error(`${base} is in memory, no disk: name a directory with --dir`);
  }
  const dataDir = mkdtempSync(join(base, "capstan-bench-"));
  directories.add(dataDir);
  try {
    return await run(dataDir);
  } finally {
    directories.delete(dataDir);
    rmSync(dataDir, { recursive: true, force: true });
  }
}
