import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";

/** A server program under test, started by this test and ended by it. */
export interface ServerProcess {
  /** host:port of the client URL. */
  readonly target: string;
  readonly pid: number;
  readonly dataDir: string;
  /** Everything it wrote so far. */
  output(): string;
  /** Resolves when it has gone, by whatever cause: its exit code, null after a signal. */
  readonly exited: Promise<number | null>;
  /** Sends a signal and waits until the process has gone; gives its exit code (null after a signal). */
  end(signal: NodeJS.Signals): Promise<number | null>;
  /** Ends it hard and removes its directory. */
  dispose(): Promise<void>;
}

/** How to start a server. */
export interface StartOptions {
  /** Kept after dispose when given; else a temporary one is made and removed. */
  readonly dataDir?: string;
  readonly port?: number;
  /** Of the client URL; https needs flags that name a certificate. */
  readonly scheme?: "http" | "https";
  readonly flags?: readonly string[];
  readonly readyTimeoutMs?: number;
}

const READY_LINE = "ready to serve client requests";
const READY_TIMEOUT_MS = 60_000;
const CAPSTAN_MAIN = join(import.meta.dirname, "..", "..", "src", "main", "main.js");

/**
 * Ports below those that Linux gives out by itself (32768 and up): a server that is down for a moment finds
 * its port taken by nobody's outgoing connection.
 */
const FREE_PORTS = { first: 10_240, count: 22_000 };
const FREE_PORT_TRIES = 100;

/** A port of the loopback that is free now; at random, so that tests side by side take different ones. */
export async function freePort(): Promise<number> {
  for (let attempt = 0; attempt < FREE_PORT_TRIES; attempt += 1) {
    const port = FREE_PORTS.first + randomInt(FREE_PORTS.count);
    if (await isFree(port)) return port;
  }
  throw new Error(`no free port in ${FREE_PORT_TRIES} tries`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Where a program of real etcd is: CAPSTAN_ETCD_DIR, else PATH; undefined when there is none. */
export function findEtcdProgram(name: "etcd" | "etcdctl" | "etcdutl"): string | undefined {
  const folders = [process.env.CAPSTAN_ETCD_DIR, ...(process.env.PATH ?? "").split(delimiter)];
  const found = folders
    .filter((folder): folder is string => folder !== undefined && folder !== "")
    .map((folder) => join(folder, name))
    .find((path) => existsSync(path));
  if (found === undefined && process.env.CI === "true") {
    throw new Error(`${name} is not there: in CI its tests must not be skipped`);
  }
  return found;
}

/** Why tests that need real etcd are skipped, or false when it is there. */
export function skipWithoutEtcd(): string | false {
  return findEtcdProgram("etcd") === undefined
    ? "no etcd on PATH or in CAPSTAN_ETCD_DIR: not compared with the real one"
    : false;
}

/**
 * Starts capstan on a free port and waits until it is ready. CAPSTAN_TEST_TRANSPORT chooses how it serves its
 * clients (--experimental-client-transport).
 */
export function startCapstan(options: StartOptions = {}): Promise<ServerProcess> {
  const { CAPSTAN_TEST_TRANSPORT: transport } = process.env;
  const chosen = transport === undefined ? [] : ["--experimental-client-transport", transport];
  const flags = [...chosen, ...(options.flags ?? [])];
  const program = ["--enable-source-maps", CAPSTAN_MAIN];
  return startServer(process.execPath, program, { ...options, flags });
}

/** Starts real etcd on free ports and waits until it is ready. */
export function startEtcd(options: StartOptions = {}): Promise<ServerProcess> {
  const program = findEtcdProgram("etcd");
  if (program === undefined) throw new Error("no etcd program");
  return startServer(program, [], options);
}

async function startServer(
  program: string,
  programArgs: readonly string[],
  options: StartOptions,
): Promise<ServerProcess> {
  const port = options.port ?? (await freePort());
  const peerPort = await freePort();
  const dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "capstan-test-"));
  const clientUrl = `${options.scheme ?? "http"}://127.0.0.1:${port}`;
  const peerUrl = `http://127.0.0.1:${peerPort}`;
  const args = [
    ...programArgs,
    ...["--name", "m1", "--data-dir", dataDir],
    ...["--listen-client-urls", clientUrl, "--advertise-client-urls", clientUrl],
    ...["--listen-peer-urls", peerUrl, "--initial-advertise-peer-urls", peerUrl],
    ...["--initial-cluster", `m1=${peerUrl}`],
    ...(options.flags ?? []),
  ];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  const output = collectOutput(child);
  await ready(child, output, options.readyTimeoutMs ?? READY_TIMEOUT_MS);
  const exited = whenExited(child);
  const end = (signal: NodeJS.Signals): Promise<number | null> => {
    child.kill(signal);
    return exited;
  };
  return {
    target: `127.0.0.1:${port}`,
    pid: child.pid ?? -1,
    dataDir,
    output: () => output.text,
    exited,
    end,
    dispose: async () => {
      await end("SIGKILL");
      if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

/** Output of a child, with a way to hear of more. */
interface Output {
  text: string;
  onMore: () => void;
}

function collectOutput(child: ChildProcess): Output {
  const output: Output = { text: "", onMore: () => {} };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (text: string) => {
      output.text += text;
      output.onMore();
    });
  }
  return output;
}

function ready(child: ChildProcess, output: Output, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (error?: Error): void => {
      clearTimeout(timer);
      output.onMore = () => {};
      child.removeListener("exit", onExit);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onExit = (code: number | null, signal: string | null): void =>
      settle(new Error(`server ended (${code ?? signal}) before it was ready:\n${output.text}`));
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      settle(new Error(`server was not ready in ${timeoutMs} ms:\n${output.text}`));
    }, timeoutMs);
    child.once("exit", onExit);
    output.onMore = () => {
      if (output.text.includes(READY_LINE)) settle();
    };
    output.onMore();
  });
}

function whenExited(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    // "close", not "exit": by then all that it wrote was read.
    child.once("close", (code) => resolve(code));
  });
}

/** A run of capstan to its end. */
export interface CapstanRun {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly durationMs: number;
}

/** What to run, and how long it may take before it is killed. */
export interface RunOptions {
  readonly args: readonly string[];
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** Runs capstan with these arguments until it ends by itself; after the timeout it is killed hard. */
export function runCapstan(options: RunOptions): Promise<CapstanRun> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [CAPSTAN_MAIN, ...options.args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...options.env },
    timeout: options.timeoutMs ?? READY_TIMEOUT_MS,
    killSignal: "SIGKILL",
  });
  const texts = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
    });
  }
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) =>
      resolve({ code, signal, ...texts, durationMs: performance.now() - startedMs }),
    );
  });
}
