import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync } from "node:fs";
import { join } from "node:path";

const READY_LINE = "ready to serve client requests";
const OUTPUT_KEPT = 2_000_000;

/** The process of one member, from its start to its end. */
export class MemberProcess {
  readonly #child: ChildProcess;
  readonly #exited: Promise<number | null>;
  readonly #onTestExit = (): void => this.signal("SIGKILL");
  #output = "";
  #isOver = false;
  readonly #waiting = new Set<() => void>();

  /**
   * Starts it; `command` is the program and all arguments. What it writes is kept in the folder that
   * CAPSTAN_TEST_LOGS names, if any, by this name.
   */
  constructor(command: readonly string[], name: string) {
    const logs = process.env.CAPSTAN_TEST_LOGS;
    const [program = "", ...args] = command;
    this.#child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#output = (this.#output + text).slice(-OUTPUT_KEPT);
        if (logs !== undefined) appendFileSync(join(logs, `${name}.log`), text);
        this.#changed();
      });
    }
    // Before its namespace and its directory go.
    process.prependOnceListener("exit", this.#onTestExit);
    this.#exited = new Promise((resolve, reject) => {
      this.#child.once("error", reject);
      // "close", not "exit": by then all that it wrote was read.
      this.#child.once("close", (code) => {
        process.removeListener("exit", this.#onTestExit);
        this.#isOver = true;
        this.#changed();
        resolve(code);
      });
    });
  }

  /** Everything it wrote, the last part of it. */
  get output(): string {
    return this.#output;
  }

  get isRunning(): boolean {
    return !this.#isOver;
  }

  /** Resolves when it has gone: its exit code, null after a signal. */
  get exited(): Promise<number | null> {
    return this.#exited;
  }

  /** Sends a signal to it, if it runs. */
  signal(signal: NodeJS.Signals): void {
    if (!this.#isOver) this.#child.kill(signal);
  }

  /** Sends a signal and waits for its end. */
  end(signal: NodeJS.Signals): Promise<number | null> {
    this.signal(signal);
    return this.#exited;
  }

  /** Waits until it says that it serves; rejects when it ends or the time is over before. */
  ready(timeoutMs: number): Promise<void> {
    return this.says(READY_LINE, timeoutMs);
  }

  /** Waits until it says a text; rejects when it ends without or the time is over before. */
  async says(text: string | RegExp, timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    while (this.#output.match(text) === null) {
      const what = `"${text}" was not said`;
      if (this.#isOver) throw new Error(`the member has ended, ${what}:\n${this.#output}`);
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) throw new Error(`${what} in ${timeoutMs} ms:\n${this.#output}`);
      await this.#change(leftMs);
    }
  }

  /** Waits until it writes something or ends, but not longer than this. */
  #change(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, waitMs);
      this.#waiting.add(done);
    });
  }

  #changed(): void {
    for (const done of this.#waiting) done();
  }
}
