#!/usr/bin/env node
import { bootstrapMember } from "./bootstrap/bootstrap-member.js";
import type { BootstrapOutcome } from "./bootstrap/bootstrap-outcome.js";
import { bootstrapPorts } from "./bootstrap/bootstrap-ports.js";
import { ClientPorts } from "./client-ports.js";
import { clientTls } from "./config/client-tls.js";
import { loadConfig } from "./config/load-config.js";
import { peerPort } from "./config/peer-port.js";
import type { ServerConfig } from "./config/server-config.js";
import { isSecure, urlAddress } from "./config/tls-files.js";
import { openDataDir } from "./data-dir/open-data-dir.js";
import { BootstrapError, memberIdentity } from "./identity.js";
import { die, fatal } from "./log/fatal.js";
import type { MainLog } from "./log/main-log.js";
import { MemberRemovedError, Server } from "./server.js";
import { Stopper } from "./stopper.js";
import { runUtl } from "./utl/utl.js";

const print = (text: string): void => void process.stdout.write(text);
const printError = (text: string): void => void process.stderr.write(text);

const [command, ...rest] = process.argv.slice(2);
if (command === "utl") {
  process.exitCode = await runUtl(rest, { print, printError });
} else if (command === "bench") {
  process.exitCode = await bench(rest);
} else {
  const loaded = loadConfig({
    argv: process.argv.slice(2),
    env: process.env,
    printOut: print,
    printError,
  });
  if (loaded.kind === "exit") process.exitCode = loaded.exitCode;
  else await serve(loaded.config, loaded.log);
}

/** Runs the load generator, which is no part of the server: nothing of it is loaded but here. */
async function bench(words: readonly string[]): Promise<number> {
  const program = new URL("../../bench/main.js", import.meta.url);
  const { runBench }: BenchProgram = await import(program.href);
  return runBench(words);
}

interface BenchProgram {
  readonly runBench: (words: readonly string[]) => Promise<number>;
}

/** Runs the server until a signal ends it. */
async function serve(config: ServerConfig, log: MainLog): Promise<void> {
  const { logger } = log;
  const onFatal = (what: string, error: unknown): void => die(logger, what, { error });
  process.on("uncaughtException", (error) => onFatal("uncaught exception", error));
  process.on("unhandledRejection", (error) => onFatal("unhandled rejection", error));
  const parts = await open(config, log).catch((error: unknown) =>
    fatal(logger, "failed to start etcd", { error }),
  );
  const stopper = new Stopper(parts.dataDir, log);
  const onRemoved = (): void => {
    logger.warn("the member has been permanently removed from the cluster");
    logger.warn("the data-dir used by this member must be removed");
    stopper.stop();
  };
  const options = { ...parts, config, log, onFatal, onRemoved };
  const server = await Server.start(options).catch((error: unknown) => {
    if (error instanceof MemberRemovedError) return onRemoved();
    return fatal(logger, "failed to start etcd", { error });
  });
  if (server === undefined) return;
  stopper.started(server);
  if (!(await server.join())) return;
  for (const url of config.listenClientUrls) {
    const message = isSecure(url)
      ? "serving client traffic securely"
      : "serving client traffic insecurely; this is strongly discouraged!";
    logger.info(message, { traffic: "grpc+http", address: urlAddress(url) });
  }
  logger.info("ready to serve client requests");
}

/** Takes the ports, then the data directory: a port in use must leave no trace on disk. */
async function open(config: ServerConfig, log: MainLog) {
  const { logger } = log;
  const peer = peerPort(config);
  if (!peer.ok) throw new BootstrapError(peer.error);
  const clients = clientTls(config);
  if (!clients.ok) throw new BootstrapError(clients.error);
  for (const { level, message, fields } of [...peer.notes, ...clients.notes]) {
    logger[level](message, fields);
  }
  // The Raft worker binds these; whether it can is seen before anything is written.
  const plain = config.listenPeerUrls.map((url) => ({ ...url, scheme: "http" as const }));
  await (await ClientPorts.bind(plain, { http2: false })).close(0);
  const { tls } = clients;
  const clientPorts = await ClientPorts.bind(config.listenClientUrls, { http2: true, tls });
  const metricsPorts = await ClientPorts.bind(config.listenMetricsUrls, { http2: false, tls });
  let outcome: Promise<BootstrapOutcome> | undefined;
  const bootstrap = (): Promise<BootstrapOutcome> => {
    outcome ??= bootstrapMember(config, bootstrapPorts(logger, peer.options.tls));
    return outcome;
  };
  const { dataDir: path, walDir } = config;
  const dataDir = await openDataDir({
    dataDir: path,
    walDir,
    logger,
    newMemberFault: async () => {
      const found = await bootstrap();
      return found.ok ? undefined : found.error;
    },
  });
  const identity = await memberIdentity(dataDir.paths.walDir, config, bootstrap);
  return { clientPorts, metricsPorts, dataDir, identity, peers: peer.options };
}
