/** Severities in etcd's words, mildest first. docs/facts/operations.md section 10. */
export const LOG_LEVELS = ["debug", "info", "warn", "error", "panic", "fatal"] as const;
/** One of LOG_LEVELS. */
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * What a line says besides its message: kebab-case keys in the order they shall appear.
 * A bigint is an id and is written in lower-case hex; an Error is written as its message and its
 * causes' (its stack goes to `stacktrace`); the rest must be plain JSON data.
 */
export type LogFields = Readonly<Record<string, unknown>>;

/** One line on its way from any thread to the sink that main owns. Plain data: survives postMessage. */
export interface LogRecord {
  readonly level: LogLevel;
  /** Microseconds since the Unix epoch, taken where the line was written. */
  readonly timeUs: number;
  /** Name of a named logger ("raft"), empty for the others. */
  readonly name: string;
  /** `folder/file.js:line` of the statement that logged, empty when unknown. */
  readonly caller: string;
  readonly message: string;
  /** Already plain JSON data. */
  readonly fields: LogFields;
}

/** The one way to say something to the operator, in every thread. Never throws, never blocks on a peer. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  panic(message: string, fields?: LogFields): void;
  fatal(message: string, fields?: LogFields): void;
  /** Whether lines of this level go anywhere: guards fields that are dear to compute. */
  enabled(level: LogLevel): boolean;
  /** The same logger under a name, which goes into the line's `logger` key. */
  named(name: string): Logger;
}

/** Where a record logger gets its time from and sends its records to. */
export interface RecordLoggerOptions {
  readonly level: LogLevel;
  /** Microseconds since the Unix epoch. */
  readonly nowUs: () => number;
  /** Takes the finished record: main writes it to its sinks, a worker posts it to main. */
  readonly emit: (record: LogRecord) => void;
  readonly name?: string;
}

/**
 * A logger that turns calls into records. A worker uses it with
 * `emit: (record) => port.postMessage(record)`: posting works even from a thread that then blocks, and
 * main writes all threads' lines through one sink.
 */
export function createRecordLogger(options: RecordLoggerOptions): Logger {
  return new RecordLogger(options);
}

/** A logger that says nothing: for tests and for tools without a log. */
export const SILENT_LOGGER: Logger = {
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  panic: () => {},
  fatal: () => {},
  enabled: () => false,
  named: () => SILENT_LOGGER,
};

class RecordLogger implements Logger {
  readonly #options: RecordLoggerOptions;
  readonly #threshold: number;

  constructor(options: RecordLoggerOptions) {
    this.#options = options;
    this.#threshold = LOG_LEVELS.indexOf(options.level);
  }

  debug(message: string, fields?: LogFields): void {
    this.#write("debug", message, fields, this.debug);
  }

  info(message: string, fields?: LogFields): void {
    this.#write("info", message, fields, this.info);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write("warn", message, fields, this.warn);
  }

  error(message: string, fields?: LogFields): void {
    this.#write("error", message, fields, this.error);
  }

  panic(message: string, fields?: LogFields): void {
    this.#write("panic", message, fields, this.panic);
  }

  fatal(message: string, fields?: LogFields): void {
    this.#write("fatal", message, fields, this.fatal);
  }

  enabled(level: LogLevel): boolean {
    return LOG_LEVELS.indexOf(level) >= this.#threshold;
  }

  named(name: string): Logger {
    return new RecordLogger({ ...this.#options, name });
  }

  #write(level: LogLevel, message: string, fields: LogFields = {}, entry: CallerBoundary): void {
    if (!this.enabled(level)) return;
    this.#options.emit({
      level,
      timeUs: this.#options.nowUs(),
      name: this.#options.name ?? "",
      caller: callerOf(entry),
      message,
      fields: plainFields(fields),
    });
  }
}

type CallerBoundary = Logger["info"];

/** The frame just outside `boundary`, as `folder/file.js:line`. Two microseconds; lines are rare. */
function callerOf(boundary: CallerBoundary): string {
  const holder: { stack?: string } = {};
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 1;
  Error.captureStackTrace(holder, boundary);
  Error.stackTraceLimit = limit;
  const match = /([^/\\\s(]+[/\\][^/\\\s]+:\d+):\d+\)?\s*$/.exec(holder.stack ?? "");
  return match?.[1] ?? "";
}

function plainFields(fields: LogFields): LogFields {
  const plain: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(fields)) {
    plain[key] = plainValue(value, 0);
    if (value instanceof Error && value.stack !== undefined) plain.stacktrace = value.stack;
  }
  return plain;
}

/** Deeper than any field that is written on purpose; ends cycles. */
const FIELD_DEPTH_MAX = 6;

function plainValue(value: unknown, depth: number): unknown {
  if (typeof value === "bigint") return value.toString(16);
  if (value instanceof Error) return errorText(value, depth);
  if (Array.isArray(value) && depth < FIELD_DEPTH_MAX) {
    return value.map((item) => plainValue(item, depth + 1));
  }
  if (typeof value === "object" && value !== null) {
    if (depth >= FIELD_DEPTH_MAX || !isPlain(value)) return String(value);
    const entries = Object.entries(value);
    return Object.fromEntries(entries.map(([key, item]) => [key, plainValue(item, depth + 1)]));
  }
  if (typeof value === "function" || typeof value === "symbol") return String(value);
  return value;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

function errorText(error: Error, depth: number): string {
  if (error.cause === undefined || depth >= FIELD_DEPTH_MAX) return error.message;
  const cause =
    error.cause instanceof Error ? errorText(error.cause, depth + 1) : String(error.cause);
  // A wrapper that already quotes its cause would otherwise say everything twice.
  return error.message.includes(cause) ? error.message : `${error.message}: ${cause}`;
}
