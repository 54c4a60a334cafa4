import type { DataDir } from "./data-dir/open-data-dir.js";
import { die } from "./log/fatal.js";
import type { MainLog } from "./log/main-log.js";
import type { Server } from "./server.js";

/** Longest that an orderly stop may take. */
const STOP_TIMEOUT_MS = 15_000;

/** Ends the server in order, once, whoever asks for it. */
export class Stopper {
  readonly #dataDir: DataDir;
  readonly #log: MainLog;
  #server: Server | undefined;
  #isStopping = false;

  constructor(dataDir: DataDir, log: MainLog) {
    this.#dataDir = dataDir;
    this.#log = log;
  }

  /** From now on there is a server to stop, and signals stop it. */
  started(server: Server): void {
    this.#server = server;
    for (const signal of ["SIGTERM", "SIGINT"] as const) {
      process.on(signal, () => {
        if (!this.#isStopping) this.#log.logger.info("received signal; shutting down", { signal });
        this.stop();
      });
    }
  }

  /** Stops the server and ends the process with exit code 0. */
  stop(): void {
    if (this.#isStopping) return;
    this.#isStopping = true;
    const { logger } = this.#log;
    setTimeout(() => {
      die(logger, "did not stop in time", { "timeout-ms": STOP_TIMEOUT_MS });
    }, STOP_TIMEOUT_MS).unref();
    Promise.resolve(this.#server?.stop()).then(
      () => {
        this.#dataDir.release();
        logger.info("closed etcd server");
        process.exit(0);
      },
      (error: unknown) => die(logger, "failed to stop", { error }),
    );
  }
}
