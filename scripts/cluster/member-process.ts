import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as pause } from "node:timers/promises";

/** How a member's process is started. */
export interface MemberProcessOptions {
  readonly program: string;
  readonly args: readonly string[];
  /** Answers with 200 as soon as the member serves. */
  readonly healthUrl: string;
  /** Gets each line that it writes. */
  readonly onLine: (line: string) => void;
}

const HEALTH_PAUSE_MS = 100;
/** A member that has not stopped by then is ended hard. */
const STOP_TIMEOUT_MS = 20_000;

/** One member of the local cluster. */
export class MemberProcess {
  readonly #child: ChildProcess;
  /** Resolves when it serves; rejects when it ends before. */
  readonly ready: Promise<void>;
  /** Resolves when it has ended: how. */
  readonly ended: Promise<string>;
  /** The line that says most about why it ended. */
  #lastWords = "";

  constructor({ program, args, healthUrl, onLine }: MemberProcessOptions) {
    // A group of its own: ctrl-c on the terminal is for this program, which then stops the members.
    this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"], detached: true });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on("line", (line) => {
        if (!this.#lastWords.includes("fatal")) this.#lastWords = line;
        onLine(line);
      });
    }
    this.ended = new Promise((resolve) => {
      this.#child.once("error", (error) => resolve(error.message));
      // "close", not "exit": by then all that it wrote was read.
      this.#child.once("close", (code, signal) =>
        resolve(`ended with ${signal ?? `code ${code}`}`),
      );
    });
    this.ready = this.#whenHealthy(healthUrl);
    // Whoever asked is told; an end that comes later is no failure of the start.
    this.ready.catch(() => {});
  }

  get isRunning(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid !== undefined && exitCode === null && signalCode === null;
  }

  /** Stops it in order; resolves when it is gone. */
  async stop(): Promise<void> {
    if (!this.isRunning) return;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.kill(), STOP_TIMEOUT_MS);
    await this.ended;
    clearTimeout(timer);
  }

  /** Does not wait for a log line: there are log levels at which none is written. */
  async #whenHealthy(url: string): Promise<void> {
    while (this.isRunning) {
      const answer = await fetch(url).catch(() => undefined);
      await answer?.arrayBuffer();
      if (answer?.ok === true) return;
      await pause(HEALTH_PAUSE_MS);
    }
    throw new Error(`${await this.ended}: ${this.#lastWords}`);
  }

  /** Ends it hard. */
  kill(): void {
    if (this.isRunning) this.#child.kill("SIGKILL");
  }
}
