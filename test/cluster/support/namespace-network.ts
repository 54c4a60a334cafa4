import { execFile, execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import type { Network } from "./network.js";

const run = promisify(execFile);

const CLIENT_PORT = 2379;
const PEER_PORT = 2380;
/** A hardware address that nobody has: what is sent there is lost without a word. */
const NOWHERE = "02:00:00:00:de:ad";
const DEVICE = "eth0";

/** Why namespaces cannot be made here, or false. In CI it is always false: the test fails, not skips. */
export function skipWithoutNamespaces(): string | false {
  if (process.env.CI === "true") return false;
  if (process.platform !== "linux") return "network namespaces are made on Linux only";
  if (process.getuid?.() !== 0) return "only root can make network namespaces";
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const missing = ["ip", "tc"].filter(
    (name) => !folders.some((one) => existsSync(join(one, name))),
  );
  return missing.length > 0 ? `not installed (iproute2): ${missing.join(", ")}` : false;
}

let networks = 0;

/** A signal must not skip what is done at the exit: processes and namespaces would stay behind. */
function exitOnSignals(): void {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    if (process.listenerCount(signal) === 0) process.once(signal, () => process.exit(1));
  }
}

/**
 * A network of its own for the members of one cluster: a namespace each, joined by veth pairs to a bridge,
 * on which this process is as well. Every name has this process's id in it. Members are numbered from 1.
 */
export class NamespaceNetwork implements Network {
  readonly size: number;
  readonly #subnet: string;
  readonly #tag: string;
  readonly #onExit = (): void => this.#disposeNow();

  private constructor(size: number) {
    this.size = size;
    networks += 1;
    this.#tag = `${process.pid}${"abcdefghijklmnopqrstuvwxyz"[networks % 26]}`;
    this.#subnet = `10.${128 + ((process.pid >>> 8) & 127)}.${process.pid & 255}`;
  }

  /** Makes the namespaces. One network at a time in a process; dispose it afterwards. */
  static async make(size: number): Promise<NamespaceNetwork> {
    const network = new NamespaceNetwork(size);
    process.once("exit", network.#onExit);
    exitOnSignals();
    try {
      await network.#make();
    } catch (error) {
      await network.dispose();
      throw error;
    }
    return network;
  }

  url(member: number, port: "client" | "peer"): string {
    return `http://${this.#address(member)}:${port === "client" ? CLIENT_PORT : PEER_PORT}`;
  }

  target(member: number): string {
    return `${this.#address(member)}:${CLIENT_PORT}`;
  }

  commandPrefix(member: number): readonly string[] {
    return ["ip", "netns", "exec", this.#namespace(member)];
  }

  /** From now on nothing that one member sends reaches the other; the way back stays open. */
  async cutOneWay(from: number, to: number): Promise<void> {
    await this.#neighbour(from, [
      "replace",
      this.#address(to),
      "lladdr",
      NOWHERE,
      "nud",
      "permanent",
    ]);
  }

  /** Cuts some members off from all the others, both ways. This process still reaches everybody. */
  async isolate(...members: readonly number[]): Promise<void> {
    const others = this.#members().filter((member) => !members.includes(member));
    for (const inside of members) {
      for (const outside of others) {
        await this.cutOneWay(inside, outside);
        await this.cutOneWay(outside, inside);
      }
    }
  }

  /** Undoes all cuts. */
  async heal(): Promise<void> {
    for (const from of this.#members()) {
      const { stdout } = await this.#ip(from, ["neigh", "show", "nud", "permanent"]);
      for (const line of stdout.split("\n").filter((text) => text.includes(NOWHERE))) {
        await this.#neighbour(from, ["del", line.split(" ")[0] ?? ""]);
      }
    }
  }

  /**
   * Makes all that a member sends slow: 100 ms late where the kernel has netem, else narrow, which is late
   * too as soon as there is a load. Says which.
   */
  async slow(member: number): Promise<string> {
    const add = ["qdisc", "add", "dev", DEVICE, "root"];
    const kinds = [
      ["netem", "delay", "100ms", "20ms"],
      ["tbf", "rate", "400kbit", "burst", "4kb", "latency", "300ms"],
    ];
    const failures: unknown[] = [];
    for (const kind of kinds) {
      try {
        await run("tc", ["-n", this.#namespace(member), ...add, ...kind]);
        return kind.join(" ");
      } catch (error) {
        failures.push(error);
      }
    }
    throw new AggregateError(failures, "tc has neither netem nor tbf");
  }

  /** Takes the slowness away. */
  async unslow(member: number): Promise<void> {
    await run("tc", ["-n", this.#namespace(member), "qdisc", "del", "dev", DEVICE, "root"]);
  }

  async dispose(): Promise<void> {
    process.removeListener("exit", this.#onExit);
    this.#disposeNow();
  }

  async #make(): Promise<void> {
    await run("ip", ["link", "add", this.#bridge, "type", "bridge"]);
    await run("ip", ["addr", "add", `${this.#subnet}.1/24`, "dev", this.#bridge]);
    await run("ip", ["link", "set", this.#bridge, "up"]);
    for (const member of this.#members()) {
      const namespace = this.#namespace(member);
      const link = this.#link(member);
      await run("ip", ["netns", "add", namespace]);
      const pair = [
        "link",
        "add",
        link,
        "type",
        "veth",
        "peer",
        "name",
        DEVICE,
        "netns",
        namespace,
      ];
      await run("ip", pair);
      await run("ip", ["link", "set", link, "master", this.#bridge, "up"]);
      await this.#ip(member, ["addr", "add", `${this.#address(member)}/24`, "dev", DEVICE]);
      await this.#ip(member, ["link", "set", DEVICE, "up"]);
      await this.#ip(member, ["link", "set", "lo", "up"]);
    }
  }

  #members(): number[] {
    return Array.from({ length: this.size }, (_, index) => index + 1);
  }

  get #bridge(): string {
    return `cb${this.#tag}`;
  }

  #namespace(member: number): string {
    return `capstan-${this.#tag}${member}`;
  }

  #address(member: number): string {
    return `${this.#subnet}.${10 + member}`;
  }

  #ip(member: number, args: readonly string[]): Promise<{ stdout: string }> {
    return run("ip", ["-n", this.#namespace(member), ...args]);
  }

  async #neighbour(member: number, args: readonly string[]): Promise<void> {
    await this.#ip(member, ["neigh", ...args, "dev", DEVICE]);
  }

  /** The bridge's end of a member's veth pair. */
  #link(member: number): string {
    return `cv${this.#tag}${member}`;
  }

  #disposeNow(): void {
    const commands = this.#members().flatMap((member) => [
      // A namespace lives on, with its end of the pair, until the last process in it is gone.
      ["link", "del", this.#link(member)],
      ["netns", "del", this.#namespace(member)],
    ]);
    for (const command of [...commands, ["link", "del", this.#bridge]]) {
      try {
        execFileSync("ip", command, { stdio: "ignore" });
      } catch {
        // It was not made.
      }
    }
  }
}
