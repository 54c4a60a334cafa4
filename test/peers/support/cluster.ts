import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Message } from "../../../src/raft-worker/core/messages.js";
import type { HashReport } from "../../../src/raft-worker/hash-check.js";
import type { PeerOptions, ReceivedSnapshot } from "../../../src/raft-worker/peers/options.js";
import { PeerNetwork } from "../../../src/raft-worker/peers/peer-network.js";
import type { PeerAnswer, PeerQuestion } from "../../../src/raft-worker/questions.js";
import type { PeerTlsOptions } from "../../../src/shared/control/raft-control.js";
import { Member } from "../../../src/shared/gen/etcdserverpb/rpc.js";
import type { Logger } from "../../../src/shared/logger.js";
import type { Membership } from "../../../src/shared/messages/membership.js";
import { freePort } from "../../support/server-process.js";
import { until } from "../../support/until.js";

/** The cluster that the members of these tests belong to. */
export const CLUSTER_ID = 0xcdf8_1819_4e3a_8c32n;

/** A membership of these members, at these URLs. */
export function membershipOf(
  members: readonly { readonly id: bigint; readonly url: string }[],
  removed: readonly bigint[] = [],
): Membership {
  return {
    index: 1,
    members: members.map(({ id, url }) => Member.fromPartial({ ID: id, peerURLs: [url] })),
    removed,
  };
}

/** What a member of a test differs in from the others. */
export interface TestMemberOptions {
  readonly id: bigint;
  readonly clusterId?: bigint;
  readonly tls?: PeerTlsOptions;
  readonly messageBytesMax?: number;
  readonly storeDirectory?: string;
  readonly snapshotDirectory?: string;
  /** Taken free when it is not given. */
  readonly port?: number;
}

/** A peer network with everything that came in, in order. */
export class TestMember {
  readonly id: bigint;
  readonly url: string;
  readonly directory: string;
  readonly network: PeerNetwork;
  readonly log: TestLog;
  readonly arrivals: Arrivals;

  private constructor(fields: Omit<TestMember, "close" | "isConnectedTo">) {
    this.id = fields.id;
    this.url = fields.url;
    this.directory = fields.directory;
    this.network = fields.network;
    this.log = fields.log;
    this.arrivals = fields.arrivals;
  }

  static async start(options: TestMemberOptions): Promise<TestMember> {
    const { id, tls } = options;
    const directory = await mkdtemp(join(tmpdir(), "capstan-peers-"));
    const log = new TestLog();
    const arrivals = new Arrivals();
    const port = options.port ?? (await freePort());
    const url = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
    const peerOptions: PeerOptions = {
      clusterId: options.clusterId ?? CLUSTER_ID,
      memberId: id,
      listen: [`127.0.0.1:${port}`],
      advertise: [url],
      tls,
      storeDirectory: options.storeDirectory ?? join(directory, "store"),
      snapshotDirectory: options.snapshotDirectory ?? join(directory, "snap"),
      logger: log,
      handlers: arrivals,
      ...(options.messageBytesMax === undefined
        ? {}
        : { messageBytesMax: options.messageBytesMax }),
    };
    const network = await PeerNetwork.listen(peerOptions).catch(async (error: unknown) => {
      await rm(directory, { recursive: true, force: true });
      throw error;
    });
    return new TestMember({ id, url, directory, network, log, arrivals });
  }

  /** Whether messages to this member get through. */
  isConnectedTo(id: bigint): boolean {
    return this.network.status().some((peer) => peer.id === id && peer.activeSinceMs !== undefined);
  }

  async close(): Promise<void> {
    await this.network.close();
    await rm(this.directory, { recursive: true, force: true });
  }
}

/** Starts members 1 to `count`, tells each of all, and waits until all are connected. */
export async function startCluster(count: number, tls?: PeerTlsOptions): Promise<TestMember[]> {
  const ids = Array.from({ length: count }, (_, index) => BigInt(index + 1));
  const members = await Promise.all(
    ids.map((id) => TestMember.start({ id, ...(tls === undefined ? {} : { tls }) })),
  );
  for (const member of members) member.network.setMembership(membershipOf(members));
  await connected(members);
  return members;
}

/** Waits until every member reaches every other one. */
export async function connected(members: readonly TestMember[]): Promise<void> {
  const others = (id: bigint): TestMember[] => members.filter((other) => other.id !== id);
  await until(
    () => members.every((member) => others(member.id).every(({ id }) => member.isConnectedTo(id))),
    "members are connected",
  );
}

/** Collects what the network hands over. */
export class Arrivals {
  damage: unknown;
  readonly messages: { readonly from: bigint; readonly message: Message }[] = [];
  readonly asks: { readonly from: bigint; readonly ask: PeerQuestion }[] = [];
  readonly answers: { readonly from: bigint; readonly answer: PeerAnswer }[] = [];
  readonly hashes: { readonly from: bigint; readonly report: HashReport }[] = [];
  readonly snapshots: ReceivedSnapshot[] = [];
  readonly unreachable: bigint[] = [];
  /** Envelopes. */
  deliveries = 0;
  removals = 0;
  memberList: Uint8Array = new Uint8Array(0);

  onMessage(from: bigint, message: Message): void {
    this.messages.push({ from, message });
  }

  onAsk(from: bigint, ask: PeerQuestion): void {
    this.asks.push({ from, ask });
  }

  onAnswer(from: bigint, answer: PeerAnswer): void {
    this.answers.push({ from, answer });
  }

  onHash(from: bigint, report: HashReport): void {
    this.hashes.push({ from, report });
  }

  onDelivered(): void {
    this.deliveries += 1;
  }

  onSnapshot(snapshot: ReceivedSnapshot): void {
    this.snapshots.push(snapshot);
  }

  onUnreachable(id: bigint): void {
    this.unreachable.push(id);
  }

  onDamage(error: unknown): void {
    this.damage = error;
  }

  onRemoved(): void {
    this.removals += 1;
  }

  async members(): Promise<Uint8Array> {
    return this.memberList;
  }
}

/** A logger that keeps what is said. */
export class TestLog implements Logger {
  readonly lines: { readonly level: string; readonly message: string; readonly fields: object }[] =
    [];

  /** How many lines say this. */
  count(message: string): number {
    return this.lines.filter((line) => line.message.includes(message)).length;
  }

  debug(message: string, fields: object = {}): void {
    this.lines.push({ level: "debug", message, fields });
  }

  info(message: string, fields: object = {}): void {
    this.lines.push({ level: "info", message, fields });
  }

  warn(message: string, fields: object = {}): void {
    this.lines.push({ level: "warn", message, fields });
  }

  error(message: string, fields: object = {}): void {
    this.lines.push({ level: "error", message, fields });
  }

  panic(message: string, fields: object = {}): void {
    this.lines.push({ level: "panic", message, fields });
  }

  fatal(message: string, fields: object = {}): void {
    this.lines.push({ level: "fatal", message, fields });
  }

  enabled(): boolean {
    return true;
  }

  named(): Logger {
    return this;
  }
}
