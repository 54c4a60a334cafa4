import { closeSync, openSync, writeSync } from "node:fs";
import { osErrorCode, osErrorText } from "../config/os-error.js";

/** A log output that cannot be opened. */
export class LogSinkError extends Error {
  constructor(target: string, cause: unknown) {
    super(`open sink ${JSON.stringify(target)}: ${osErrorText(cause)}`, { cause });
    this.name = "LogSinkError";
  }
}

/** Where finished lines go. */
export interface LogSink {
  /** Writes a line (with its line feed) before it returns, or drops it: a log never stops the server. */
  write(line: string): void;
  close(): void;
}

/** Longest that a line waits for a reader that takes nothing, in milliseconds; then it is dropped. */
const STALL_MS_MAX = 100;
const STDOUT_FD = 1;
const STDERR_FD = 2;

/**
 * Opens "stderr", "stdout" or a file to append to. Lines are written synchronously: the last words
 * before a crash are the ones that matter. Throws LogSinkError.
 */
export function openLogSink(target: string): LogSink {
  if (target === "stderr") return new DescriptorSink(STDERR_FD, () => {});
  if (target === "stdout") return new DescriptorSink(STDOUT_FD, () => {});
  let fd: number;
  try {
    fd = openSync(target, "a", 0o644);
  } catch (cause) {
    throw new LogSinkError(target, cause);
  }
  return new DescriptorSink(fd, () => closeSync(fd));
}

class DescriptorSink implements LogSink {
  readonly #fd: number;
  readonly #release: () => void;
  readonly #waitCell = new Int32Array(new SharedArrayBuffer(4));
  /** A line was cut off or lost: do not wait again until the reader has taken something. */
  #stalled = false;
  #closed = false;

  constructor(fd: number, release: () => void) {
    this.#fd = fd;
    this.#release = release;
  }

  write(line: string): void {
    if (this.#closed) return;
    const bytes = Buffer.from(this.#stalled ? `\n${line}` : line);
    let waitedMs = this.#stalled ? STALL_MS_MAX : 0;
    let offset = 0;
    while (offset < bytes.length) {
      try {
        offset += writeSync(this.#fd, bytes, offset);
        this.#stalled = false;
      } catch (error) {
        const waits = osErrorCode(error) === "EAGAIN" && waitedMs < STALL_MS_MAX;
        // A full disk or a closed pipe: there is nobody left to tell.
        if (!waits) {
          this.#stalled = true;
          return;
        }
        waitedMs += 1;
        Atomics.wait(this.#waitCell, 0, 0, 1);
      }
    }
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#release();
  }
}
