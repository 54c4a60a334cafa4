import type { LogFields, Logger } from "../../shared/logger.js";

/** Exit code when the settings or the place do not let the server start. docs/facts/flags.md. */
export const EXIT_START_FAILED = 1;

/**
 * The way out when the server cannot start: one clear line, then the end of the process. Log lines are
 * written synchronously, so nothing is lost. Never returns.
 */
export function fatal(logger: Logger, message: string, fields?: LogFields): never {
  logger.fatal(message, fields);
  process.exit(EXIT_START_FAILED);
}

/**
 * The way out of a server that runs and must not go on (a failed fsync, damage, a broken invariant): one
 * clear line, then SIGABRT, which nobody takes for a lack of memory. An ordinary exit waits for native code
 * of every thread, and LMDB's waits for ever when a transaction is open. Never returns.
 */
export function die(logger: Logger, message: string, fields?: LogFields): never {
  logger.fatal(message, fields);
  process.kill(process.pid, "SIGABRT");
  // The signal is delivered before another instruction of this thread matters; this satisfies the type.
  throw new Error(message);
}
