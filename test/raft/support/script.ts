import assert from "node:assert/strict";
import type { MemberId } from "../../../src/raft-worker/core/entry.js";
import { TestCluster } from "./cluster.js";
import { describeConfiguration } from "./conf-change.js";
import { describeEffect, describeEntry, describeMessage, describeStatus } from "./describe.js";
import { SafetyChecker } from "./safety.js";

/**
 * Runs a script file: comments and commands, each followed by "----", the expected output and an
 * empty line. Returns the same file with the actual output.
 */
export function runScript(text: string): string {
  const runner = new ScriptRunner();
  const out: string[] = [];
  let inOutput = false;
  for (const line of text.trimEnd().split("\n")) {
    if (inOutput) {
      inOutput = line !== "";
      if (!inOutput) out.push("");
    } else if (line === "----") {
      inOutput = true;
    } else if (line === "" || line.startsWith("#")) {
      out.push(line);
    } else {
      out.push(line, "----", ...runner.run(line));
    }
  }
  return `${out.join("\n")}\n`;
}

type Command = (args: readonly string[]) => void;

class ScriptRunner {
  #cluster: TestCluster | undefined;
  #checker = new SafetyChecker();
  #lines: string[] = [];
  #quiet = false;
  readonly #commands: Readonly<Record<string, Command>> = {
    cluster: ([size, ...options]) => this.#newCluster(Number(size), options),
    tick: ([id, count]) => this.#tick(BigInt(id ?? 0), Number(count ?? 1)),
    campaign: ([id]) => this.#campaign(BigInt(id ?? 0)),
    propose: ([id, ...values]) => this.#propose(BigInt(id ?? 0), values),
    change: ([id, ...words]) => this.#propose(BigInt(id ?? 0), [`conf ${words.join(" ")}`]),
    transfer: ([id, to]) => this.#transfer(BigInt(id ?? 0), to),
    apply: ([id, count]) => this.#live.apply(BigInt(id ?? 0), Number(count ?? 1_000)),
    flush: ([id]) => this.#live.flush(BigInt(id ?? 0)),
    snapshot: ([id]) => this.#live.startSnapshot(BigInt(id ?? 0)),
    arrive: () => this.#live.finishSnapshot(0, true),
    fail: () => this.#live.finishSnapshot(0, false),
    install: ([id]) => this.#live.installSnapshot(BigInt(id ?? 0)),
    members: () => this.#printMembers(),
    read: ([id, readId]) => this.#read(BigInt(id ?? 0), Number(readId)),
    persist: ([id, count]) => this.#live.persist(BigInt(id ?? 0), Number(count ?? 1_000)),
    deliver: ([link, count]) => this.#deliver(link ?? "", Number(count ?? 1_000)),
    drop: ([link, count]) => this.#drop(link ?? "", Number(count ?? 1_000)),
    settle: () => this.#live.settle(),
    votes: () => this.#votes(),
    partition: (args) => this.#partition(args.join(" ")),
    heal: () => this.#live.cut.clear(),
    crash: ([id, kept]) => this.#live.member(BigInt(id ?? 0)).crash(Number(kept ?? 0)),
    restart: ([id, index]) => this.#live.start(BigInt(id ?? 0), index ? Number(index) : undefined),
    network: () => this.#printNetwork(),
    status: () => this.#printStatus(),
    logs: () => this.#printLogs(),
  };

  /** Runs one command line; a trailing "quietly" hides the effects. */
  run(line: string): string[] {
    const words = line.split(/\s+/);
    this.#quiet = words.at(-1) === "quietly";
    const [name, ...args] = this.#quiet ? words.slice(0, -1) : words;
    const command = this.#commands[name ?? ""];
    assert.ok(command !== undefined, `unknown command: ${line}`);
    this.#lines = [];
    command(args);
    if (this.#cluster !== undefined) this.#checker.logMatching();
    return this.#lines.length > 0 ? this.#lines : ["ok"];
  }

  get #live(): TestCluster {
    assert.ok(this.#cluster !== undefined, "a script begins with: cluster SIZE");
    return this.#cluster;
  }

  /** Options: bytes=N of an append, spares=N members more, keep=N applied entries in memory. */
  #newCluster(size: number, options: readonly string[]): void {
    this.#checker = new SafetyChecker();
    const named = new Map(options.map((option) => option.split("=") as [string, string]));
    const number = (name: string, usual: number): number => Number(named.get(name) ?? usual);
    const cluster = new TestCluster({
      size,
      spares: number("spares", 0),
      seed: 1,
      settings: {
        appendBytesMax: number("bytes", 64),
        retention: { entriesMax: number("keep", 100_000), bytesMax: 1 << 30 },
      },
      watch: (id, effect) => {
        this.#checker.watch(id, effect);
        if (!this.#quiet) this.#lines.push(`${id}  ${describeEffect(effect)}`);
      },
      watchPacket: (packet) => this.#checker.watchPacket(packet),
    });
    this.#checker.attach(cluster);
    this.#cluster = cluster;
    cluster.startAll();
  }

  #tick(id: MemberId, count: number): void {
    for (let tick = 0; tick < count; tick += 1) this.#live.step(id, { kind: "tick" });
  }

  #campaign(id: MemberId): void {
    const { raft } = this.#live.member(id);
    for (let tick = 0; tick < 40; tick += 1) {
      const effects = this.#live.step(id, { kind: "tick" });
      const campaigns = effects.some(
        (effect) => effect.kind === "send" && effect.message.kind === "voteRequest",
      );
      if (campaigns) return;
    }
    assert.fail(`${id} does not campaign: ${raft?.status().role}`);
  }

  #propose(id: MemberId, values: readonly string[]): void {
    const payloads = values.map((value) => Buffer.from(value));
    this.#live.step(id, { kind: "propose", payloads });
  }

  #transfer(id: MemberId, to: string | undefined): void {
    const target = to === undefined ? undefined : BigInt(to);
    this.#live.step(id, { kind: "transferLeader", to: target });
  }

  #read(id: MemberId, readId: number): void {
    this.#checker.readAsked(id, readId);
    this.#live.step(id, { kind: "readIndex", id: readId });
  }

  /** Delivers up to `count` packets of a link "1>2", "*>2", "1>*" or "*>*" that are there now. */
  #deliver(link: string, count: number): void {
    const chosen = this.#live.network.filter((packet) => matchesLink(packet, link)).slice(0, count);
    for (const packet of chosen) {
      if (!this.#quiet) {
        this.#lines.push(`${packet.from}>${packet.to}  ${describeMessage(packet.message)}`);
      }
      this.#live.deliver(this.#live.network.indexOf(packet));
    }
  }

  /** Finishes writes and delivers votes and requests for them, and nothing else. */
  #votes(): void {
    for (let round = 0; round < 100; round += 1) {
      for (const member of this.#live.running) this.#live.persist(member.id);
      const next = this.#live.network.findIndex(({ message }) => message.kind.startsWith("vote"));
      if (next < 0) return;
      this.#live.deliver(next);
    }
    assert.fail("voting never ends");
  }

  #drop(link: string, count: number): void {
    const chosen = this.#live.network.filter((packet) => matchesLink(packet, link)).slice(0, count);
    for (const packet of chosen) {
      this.#lines.push(`lost ${packet.from}>${packet.to}  ${describeMessage(packet.message)}`);
    }
    this.#live.network = this.#live.network.filter((packet) => !chosen.includes(packet));
  }

  #partition(groups: string): void {
    this.#live.partition(groups.split("|").map((group) => group.trim().split(/\s+/).map(BigInt)));
  }

  #printNetwork(): void {
    for (const { from, to, message } of this.#live.network) {
      this.#lines.push(`${from}>${to}  ${describeMessage(message)}`);
    }
  }

  #printStatus(): void {
    for (const { id, raft } of this.#live.members.values()) {
      const state = raft === undefined ? "down" : describeStatus(raft.status());
      this.#lines.push(`${id}  ${state}`);
    }
  }

  /** Who each member believes to belong to the group, and how far its store is. */
  #printMembers(): void {
    for (const { id, raft, store } of this.#live.members.values()) {
      const { configuration } = raft?.status() ?? store;
      this.#lines.push(`${id}  ${describeConfiguration(configuration)} at ${store.index}`);
    }
  }

  #printLogs(): void {
    for (const { id, disk } of this.#live.members.values()) {
      this.#lines.push(`${id}  ${disk.entries.map(describeEntry).join(" ")}`.trimEnd());
    }
  }
}

function matchesLink(packet: { from: MemberId; to: MemberId }, link: string): boolean {
  const [from, to] = link.split(">");
  return (from === "*" || from === String(packet.from)) && (to === "*" || to === String(packet.to));
}
