import type { MessagePort } from "node:worker_threads";
import { pino } from "pino";
import { createRecordLogger, type Logger, type LogRecord } from "../../shared/logger.js";
import { createWallClock } from "../../shared/wall-clock.js";
import { decodeLogRecord } from "../../shared/worker-logger.js";
import type { LogConfig } from "../config/server-config.js";
import { type LogSink, openLogSink } from "./log-sink.js";

/** The log of the process: main owns the outputs, workers send their records here. */
export interface MainLog {
  /** For code on the main thread. */
  readonly logger: Logger;
  /** Writes a record of any thread. */
  write(record: LogRecord): void;
  /** Writes what a worker posts on its log port, until the port closes. Keeps no thread alive. */
  attach(port: MessagePort): void;
  /** Closes the files. Later lines are dropped. */
  close(): void;
}

/**
 * Opens the outputs of the log. JSON lines have etcd's keys in etcd's order: level, ts, logger (if
 * named), caller, msg, then the fields. docs/facts/operations.md section 10. Throws LogSinkError.
 */
export function openMainLog(config: LogConfig): MainLog {
  const sinks: LogSink[] = [];
  try {
    for (const target of config.outputs) sinks.push(openLogSink(target));
  } catch (error) {
    for (const sink of sinks) sink.close();
    throw error;
  }
  const writeLine = (line: string) => {
    for (const sink of sinks) sink.write(line);
  };
  const write = config.format === "console" ? consoleWriter(writeLine) : jsonWriter(writeLine);
  return {
    logger: createRecordLogger({ level: config.level, nowUs: createWallClock(), emit: write }),
    write,
    attach: (port) => {
      port.on("message", (message: unknown) => {
        const record = decodeLogRecord(message);
        if (record !== undefined) write(record);
      });
      port.unref();
    },
    close: () => {
      for (const sink of sinks) sink.close();
    },
  };
}

/** The time of a line as etcd writes it: UTC with six digits of a second. */
export function timestampText(timeUs: number): string {
  const milliseconds = new Date(Math.floor(timeUs / 1000)).toISOString().slice(0, -1);
  return `${milliseconds}${String(timeUs % 1000).padStart(3, "0")}Z`;
}

/** One line of the console format: tab-separated, the fields as JSON, a stack on lines of its own. */
export function consoleLine(record: LogRecord): string {
  const { stacktrace, ...fields } = record.fields;
  const columns = [timestampText(record.timeUs), record.level, record.name, record.caller];
  const shown = columns.filter((column) => column !== "");
  shown.push(record.message);
  if (Object.keys(fields).length > 0) shown.push(JSON.stringify(fields));
  const stack = typeof stacktrace === "string" ? `\n${stacktrace}` : "";
  return `${shown.join("\t")}${stack}\n`;
}

function consoleWriter(writeLine: (line: string) => void): (record: LogRecord) => void {
  return (record) => writeLine(consoleLine(record));
}

/** pino makes the line; the message travels as a field because etcd puts it before the others. */
function jsonWriter(writeLine: (line: string) => void): (record: LogRecord) => void {
  const json = pino(
    {
      base: null,
      timestamp: false,
      level: "debug",
      customLevels: { panic: 55 },
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: writeLine },
  );
  return (record) => {
    json[record.level]({
      ts: timestampText(record.timeUs),
      ...(record.name === "" ? {} : { logger: record.name }),
      ...(record.caller === "" ? {} : { caller: record.caller }),
      msg: record.message,
      ...record.fields,
    });
  };
}
