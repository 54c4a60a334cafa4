import type { LogFields, LogLevel } from "../../shared/logger.js";

/** A line for the log, decided before there is a log. */
export interface LogNote {
  readonly level: LogLevel;
  readonly message: string;
  readonly fields: LogFields;
}

/** Builds a note. */
export function note(level: LogLevel, message: string, fields: LogFields = {}): LogNote {
  return { level, message, fields };
}
