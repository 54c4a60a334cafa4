import {
  createRecordLogger,
  LOG_LEVELS,
  type Logger,
  type LogLevel,
  type LogRecord,
} from "./logger.js";
import { createWallClock } from "./wall-clock.js";

/** The end of a message port that a worker writes its log records to. */
export interface LogPort {
  postMessage(record: unknown): void;
}

/**
 * The logger of a worker: posts each line as a LogRecord over a port of its own to main, which writes
 * all lines in one place. Posting neither waits for main nor needs the worker's event loop, so it works
 * from a loop that blocks in Atomics.wait, and lines posted before the worker ends still arrive.
 */
export function createWorkerLogger(port: LogPort, level: LogLevel): Logger {
  return createRecordLogger({
    level,
    nowUs: createWallClock(),
    emit: (record) => port.postMessage(record),
  });
}

/** The record in a message from a worker, or undefined when the message is none. */
export function decodeLogRecord(message: unknown): LogRecord | undefined {
  if (typeof message !== "object" || message === null) return undefined;
  const { level, timeUs, name, caller, message: text, fields } = message as Partial<LogRecord>;
  if (level === undefined || !LOG_LEVELS.includes(level)) return undefined;
  if (typeof timeUs !== "number" || typeof text !== "string") return undefined;
  return {
    level,
    timeUs,
    name: name ?? "",
    caller: caller ?? "",
    message: text,
    fields: fields ?? {},
  };
}
