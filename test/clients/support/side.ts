import type { ServerProcess } from "../../support/server-process.js";
import { comparableResult, type Names, protobufShown } from "./command-output.js";
import { type CommandResult, Etcdctl, type LiveCommand } from "./etcdctl.js";

/** One command of a session. */
export interface Command {
  /**
   * The arguments as one line, split at blanks, or as a list where one of them is empty or has blanks.
   * `$REV+2` is the revision at the session's start plus two, `$L1` a lease that an earlier one granted.
   */
  readonly line: string | readonly string[];
  readonly stdin?: string;
  /** The exit code it must have; 0 unless given. */
  readonly code?: number;
  /** The name under which later commands find the lease that this one grants. */
  readonly grants?: string;
}

/** One server of a comparison with its etcdctl, and what is the server's own in its answers. */
export class Side {
  readonly server: ServerProcess;
  readonly #ctl: Etcdctl;
  readonly #names = new Map<string, string>();
  readonly #leases = new Map<string, string>();
  #revision = 0;

  private constructor(server: ServerProcess) {
    this.server = server;
    this.#ctl = new Etcdctl(server.target);
  }

  /** Asks the server for its ids and addresses, which `Names` then hide. */
  static async of(server: ServerProcess): Promise<Side> {
    const side = new Side(server);
    const { stdout } = await side.#ctl.run(["member", "list", "-w", "json"]);
    const ids = [...stdout.matchAll(/"(cluster_id|member_id)":(\d+)/g)];
    for (const [, name = "", decimal = ""] of ids) {
      side.#names.set(decimal, name);
      side.#names.set(BigInt(decimal).toString(16), name);
    }
    const peer = /"peerURLs":\["http:\/\/([^"]+)"/.exec(stdout)?.[1];
    if (peer === undefined || ids.length !== 2) throw new Error(`no member in: ${stdout}`);
    side.#names.set(peer, "PEER_ADDRESS");
    side.#names.set(server.target, "CLIENT_ADDRESS");
    return side;
  }

  /** What is this server's own. */
  get names(): Names {
    return this.#names;
  }

  /** Starts a session: notes the revision that `$REV` stands for. */
  async begin(): Promise<void> {
    const { stdout } = await this.#ctl.run(["get", "none", "-w", "json"]);
    this.#revision = Number(/"revision":(\d+)/.exec(stdout)?.[1]);
  }

  /** Runs a command; gives what it came to, comparable with the other side. */
  async run(command: Command): Promise<object> {
    const words = this.#arguments(command.line);
    const result = await this.#ctl.run(words, command.stdin);
    if (command.grants !== undefined) this.#noteLease(command.grants, result);
    const show = words.includes("protobuf") ? protobufShown(words[0] ?? "") : undefined;
    return comparableResult(result, this.#names, show);
  }

  /** Starts a command that goes on until told. */
  start(line: Command["line"]): LiveCommand {
    return this.#ctl.start(this.#arguments(line));
  }

  /** A live command's end, comparable with the other side. */
  comparable(result: CommandResult): object {
    return comparableResult(result, this.#names);
  }

  /** Ends the commands that still run. */
  close(): Promise<void> {
    return this.#ctl.close();
  }

  #arguments(line: Command["line"]): string[] {
    const words = typeof line === "string" ? line.split(" ") : line;
    return words.map((word) =>
      word
        .replace(/\$REV(?:([+-])(\d+))?/, (_, sign: string | undefined, number = "0") =>
          String(this.#revision + Number(number) * (sign === "-" ? -1 : 1)),
        )
        .replace(/\$L\d+/, (name) => this.#leases.get(name.slice(1)) ?? name),
    );
  }

  #noteLease(name: string, { stdout }: CommandResult): void {
    const found = /lease ([0-9a-f]+) granted|"ID" ?: ?(\d+)/.exec(stdout);
    const hex =
      found?.[1] ??
      BigInt(found?.[2] ?? 0)
        .toString(16)
        .padStart(16, "0");
    this.#leases.set(name, hex);
    this.#names.set(hex, name);
    this.#names.set(hex.replace(/^0+/, ""), name);
    this.#names.set(BigInt(`0x${hex}`).toString(), name);
  }
}
