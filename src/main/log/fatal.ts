import type { LogFields, Logger } from "../../shared/logger.js";

/** Exit code when the settings or the place do not let the server start. docs/facts/flags.md. */
export const EXIT_START_FAILED = 1;

/**
 * The one way out when the server cannot go on: one clear line, then the end of the process. Log lines
 * are written synchronously, so nothing is lost. Never returns.
 */
export function fatal(logger: Logger, message: string, fields?: LogFields): never {
  logger.fatal(message, fields);
  process.exit(EXIT_START_FAILED);
}
