#!/usr/bin/env node
import { ClientPorts } from "./client-ports.js";
import { bootstrapMember } from "./config/bootstrap-member.js";
import { loadConfig } from "./config/load-config.js";
import type { ServerConfig } from "./config/server-config.js";
import { type DataDir, openDataDir } from "./data-dir/open-data-dir.js";
import { memberIdentity } from "./identity.js";
import { die, fatal } from "./log/fatal.js";
import type { MainLog } from "./log/main-log.js";
import { Server } from "./server.js";
import { runUtl } from "./utl/utl.js";

/** Longest that an orderly stop may take. */
const STOP_TIMEOUT_MS = 15_000;

const print = (text: string): void => void process.stdout.write(text);
const printError = (text: string): void => void process.stderr.write(text);

const [command, ...rest] = process.argv.slice(2);
if (command === "utl") {
  process.exitCode = await runUtl(rest, { print, printError });
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

/** Runs the server until a signal ends it. */
async function serve(config: ServerConfig, log: MainLog): Promise<void> {
  const { logger } = log;
  const onFatal = (what: string, error: unknown): void => die(logger, what, { error });
  process.on("uncaughtException", (error) => onFatal("uncaught exception", error));
  process.on("unhandledRejection", (error) => onFatal("unhandled rejection", error));
  const parts = await open(config, log).catch((error: unknown) =>
    fatal(logger, "failed to start etcd", { error }),
  );
  const options = { ...parts, config, log, onFatal };
  const server = await Server.start(options).catch((error: unknown) =>
    fatal(logger, "failed to start etcd", { error }),
  );
  stopOnSignals(server, parts.dataDir, log);
  for (const url of config.listenClientUrls) {
    logger.info("serving client traffic insecurely; this is strongly discouraged!", {
      traffic: "grpc+http",
      address: `${url.host}:${url.port}`,
    });
  }
  logger.info("ready to serve client requests");
}

/** Takes the ports, then the data directory: a port in use must leave no trace on disk. */
async function open(config: ServerConfig, log: MainLog) {
  const clientPorts = await ClientPorts.bind(config.listenClientUrls, true);
  const metricsPorts = await ClientPorts.bind(config.listenMetricsUrls, false);
  const { dataDir: path, walDir } = config;
  const dataDir = await openDataDir({
    dataDir: path,
    walDir,
    logger: log.logger,
    newMemberFault: () => {
      const outcome = bootstrapMember(config);
      return outcome.ok ? undefined : outcome.error;
    },
  });
  const identity = await memberIdentity(dataDir.paths.walDir, config);
  return { clientPorts, metricsPorts, dataDir, identity };
}

function stopOnSignals(server: Server, dataDir: DataDir, { logger }: MainLog): void {
  let stopping = false;
  const stop = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    logger.info("received signal; shutting down", { signal });
    setTimeout(() => {
      die(logger, "did not stop in time", { "timeout-ms": STOP_TIMEOUT_MS });
    }, STOP_TIMEOUT_MS).unref();
    server.stop().then(
      () => {
        dataDir.release();
        logger.info("closed etcd server");
        process.exit(0);
      },
      (error: unknown) => die(logger, "failed to stop", { error }),
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}
