import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { findEtcdProgram } from "../../support/server-process.js";

/** What a run of etcdctl came to. */
export interface CommandResult {
  /** Exit code, or null when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const COMMAND_TIMEOUT_MS = 30_000;

/** Real etcdctl against one server. */
export class Etcdctl {
  readonly target: string;
  readonly #program: string;
  readonly #running = new Set<LiveCommand>();

  /** `target` is host:port. Throws when there is no etcdctl. */
  constructor(target: string) {
    const program = findEtcdProgram("etcdctl");
    if (program === undefined) throw new Error("no etcdctl program");
    this.#program = program;
    this.target = target;
  }

  /** Runs a command to its end; `stdin` is given whole, then ends. */
  async run(args: readonly string[], stdin = ""): Promise<CommandResult> {
    const command = this.start(args);
    command.write(stdin);
    command.endInput();
    return command.ended();
  }

  /** Starts a command that goes on until told. */
  start(args: readonly string[]): LiveCommand {
    const child = spawn(this.#program, [`--endpoints=${this.target}`, ...args], {
      env: { PATH: process.env.PATH ?? "" },
    });
    const command = new LiveCommand(child, () => this.#running.delete(command));
    this.#running.add(command);
    return command;
  }

  /** Ends whatever still runs. */
  async close(): Promise<void> {
    await Promise.all([...this.#running].map((command) => command.end("SIGKILL")));
  }
}

/** A running etcdctl: its input, and what it said so far. Bytes are latin1 characters. */
export class LiveCommand {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #ended: Promise<CommandResult>;
  #stdout = "";
  #stderr = "";
  #over = false;
  #wake: () => void = () => {};

  constructor(child: ChildProcessWithoutNullStreams, onEnd: () => void) {
    this.#child = child;
    // A command that refuses its arguments does not read its input.
    child.stdin.on("error", () => {});
    child.stdout.setEncoding("latin1").on("data", (text: string) => {
      this.#stdout += text;
      this.#wake();
    });
    child.stderr.setEncoding("latin1").on("data", (text: string) => {
      this.#stderr += text;
    });
    this.#ended = new Promise((resolve, reject) => {
      const timer = setTimeout(() => child.kill("SIGKILL"), COMMAND_TIMEOUT_MS);
      child.once("error", reject);
      child.once("close", (code) => {
        clearTimeout(timer);
        this.#over = true;
        this.#wake();
        onEnd();
        resolve({ code, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
  }

  /** Writes to its standard input. */
  write(text: string): void {
    this.#child.stdin.write(text, "latin1");
  }

  /** Ends its standard input. */
  endInput(): void {
    this.#child.stdin.end();
  }

  /** Waits until its output matches, so often; throws when it ends or the time is over before. */
  async shows(pattern: RegExp, times = 1): Promise<void> {
    const all = new RegExp(pattern.source, "gm");
    const deadline = Date.now() + COMMAND_TIMEOUT_MS;
    while ((this.#stdout.match(all)?.length ?? 0) < times) {
      if (this.#over || Date.now() > deadline) {
        throw new Error(`not shown: ${pattern}; was: ${this.#stdout}\n${this.#stderr}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 1000);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** Waits for its end. */
  ended(): Promise<CommandResult> {
    return this.#ended;
  }

  /** Sends a signal and waits for its end. */
  end(signal: NodeJS.Signals): Promise<CommandResult> {
    this.#child.kill(signal);
    return this.#ended;
  }
}
