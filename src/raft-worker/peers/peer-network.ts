import type { ServerReadableStream, ServerUnaryCall, sendUnaryData } from "@grpc/grpc-js";
import { status } from "@grpc/grpc-js";
import { unreachable } from "../../shared/assert.js";
import type { Membership } from "../../shared/messages/membership.js";
import type { MemberId } from "../core/entry.js";
import type { Message } from "../core/messages.js";
import type { HashReport } from "../hash-check.js";
import type { PeerAnswer, PeerQuestion } from "../questions.js";
import { LOG_AGAIN_MS, MEMBER_LISTS_MAX, PEER_MESSAGE_BYTES_MAX } from "./bounds.js";
import { type Caller, checkHandshake, removedError } from "./handshake.js";
import { IncomingFile } from "./incoming-file.js";
import { type IncomingCall, IncomingStreams } from "./incoming-streams.js";
import { type PeerItem, splitMessage } from "./items.js";
import { LogThrottle } from "./log-throttle.js";
import type { PeerConnection, PeerOptions, SnapshotHandlers } from "./options.js";
import { PeerLink } from "./peer-link.js";
import { PeerServer } from "./peer-server.js";
import { RefusedError, refusalStatus } from "./refusal.js";
import { Roster } from "./roster.js";
import { SnapshotReceiver } from "./snapshot-receiver.js";
import { SnapshotSender } from "./snapshot-sender.js";

type Respond = sendUnaryData<Buffer>;

/**
 * What connects this member with the others: a stream to each, one from each, snapshots beside them.
 * Messages to a member arrive at most once, and in order within two kinds (send-queue.ts); any may be lost.
 */
export class PeerNetwork {
  readonly #options: PeerOptions;
  readonly #roster: Roster;
  readonly #links = new Map<MemberId, PeerLink>();
  readonly #incoming: IncomingStreams;
  readonly #sender: SnapshotSender;
  readonly #receiver: SnapshotReceiver;
  readonly #refused = new LogThrottle(LOG_AGAIN_MS);
  #server: PeerServer | undefined;
  #memberLists = 0;
  #isClosed = false;

  private constructor(options: PeerOptions) {
    const { clusterId, memberId, logger, handlers, snapshotDirectory } = options;
    this.#options = options;
    this.#roster = new Roster(clusterId, memberId);
    this.#sender = new SnapshotSender(logger, (error) => handlers.onDamage(error));
    this.#receiver = new SnapshotReceiver({
      directory: snapshotDirectory,
      logger,
      clusterId,
      onSnapshot: (snapshot) => handlers.onSnapshot(snapshot),
    });
    this.#incoming = new IncomingStreams(logger, {
      opened: (caller) => this.#heardOf(caller),
      delivered: (from, items) => this.#delivered(from, items),
      closed: (from) => this.#forget(from),
    });
  }

  /** Opens the member's port. Rejects with the system's error when an address cannot be had. */
  static async listen(options: PeerOptions): Promise<PeerNetwork> {
    const network = new PeerNetwork(options);
    await IncomingFile.prepare(options.snapshotDirectory);
    network.#server = await PeerServer.listen({
      listen: options.listen,
      tls: options.tls,
      messageBytesMax: options.messageBytesMax ?? PEER_MESSAGE_BYTES_MAX,
      logger: options.logger,
      implementation: {
        Messages: (call: IncomingCall, respond: Respond) =>
          network.#letIn(call, respond, (caller) => network.#incoming.open(caller, call, respond)),
        Snapshot: (call: IncomingCall, respond: Respond) =>
          network.#letIn(call, respond, (caller) =>
            network.#receiver.receive(caller, call, respond),
          ),
        Members: (_call: ServerUnaryCall<Buffer, Buffer>, respond: Respond) =>
          void network.#answerMembers(respond),
      },
    });
    return network;
  }

  /** host:port of every socket that is listened on. */
  get addresses(): readonly string[] {
    return this.#server?.addresses ?? [];
  }

  /** Who the members are from now on, and where. */
  setMembership(membership: Membership): void {
    if (this.#isClosed) return;
    this.#roster.set(membership);
    for (const [id, urls] of this.#roster.others) this.#link(id, urls);
    for (const id of membership.removed) this.#incoming.end(id, removedError(id));
    for (const id of [...this.#links.keys()]) {
      if (!this.#incoming.has(id)) this.#forget(id);
    }
  }

  /** Sends a message, or loses it: to somebody unknown, out of reach, or too slow. */
  send(to: MemberId, message: Message): void {
    const link = this.#links.get(to);
    if (link === undefined) return;
    for (const part of splitMessage(message)) link.send({ kind: "message", message: part });
  }

  /** Asks a member; false when that is not possible now. */
  ask(to: MemberId, ask: PeerQuestion): boolean {
    return this.#sendNow(to, { kind: "ask", ask });
  }

  /** Answers what a member asked; false when that is not possible now. */
  answer(to: MemberId, answer: PeerAnswer): boolean {
    return this.#sendNow(to, { kind: "answer", answer });
  }

  /** Tells a member the hash of this one's store. */
  reportHash(to: MemberId, report: HashReport): void {
    this.#links.get(to)?.send({ kind: "hash", report });
  }

  /** Sends this member's store. The handlers are called later, `finished` once. */
  sendSnapshot(to: MemberId, handlers: SnapshotHandlers): void {
    const { clusterId, memberId, advertise, tls, storeDirectory } = this.#options;
    const data = {
      storeDirectory,
      urls: this.#links.get(to)?.urls ?? [],
      tls,
      handshake: { clusterId, from: memberId, to, urls: advertise },
    };
    this.#sender.send(data, handlers);
  }

  /** The other members that this one knows of. */
  status(): readonly PeerConnection[] {
    return [...this.#links].map(([id, { activeSinceMs }]) => ({ id, activeSinceMs }));
  }

  /** Closes the port and every stream; handlers are not called any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    for (const link of this.#links.values()) link.close();
    await Promise.all([this.#sender.close(), this.#receiver.close(), this.#server?.close()]);
  }

  #sendNow(to: MemberId, item: PeerItem): boolean {
    const link = this.#links.get(to);
    return link?.activeSinceMs !== undefined && link.send(item);
  }

  #letIn(
    call: ServerReadableStream<Buffer, Buffer>,
    respond: Respond,
    take: (caller: Caller) => void,
  ): void {
    try {
      take(checkHandshake(call.metadata, this.#roster));
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error;
      this.#logRefusal(error, call.getPeer());
      respond(refusalStatus(error));
    }
  }

  #logRefusal(error: RefusedError, remote: string): void {
    const { memberId, clusterId, logger } = this.#options;
    // Each attempt comes from a port of its own.
    const host = remote.replace(/:\d+$/, "");
    if (!this.#refused.isDue(`${error.message}/${host}`)) return;
    logger.warn(error.message, {
      "remote-addr": remote,
      refusal: error.refusal,
      "local-member-id": memberId,
      "local-member-cluster-id": clusterId,
    });
  }

  /** A member opened its stream: it can be reached now; one that the store does not know, at its word. */
  #heardOf({ id, urls }: Caller): void {
    if (this.#roster.urlsOf(id) === undefined && urls.length > 0) this.#link(id, urls);
    this.#links.get(id)?.poke();
  }

  #link(id: MemberId, urls: readonly string[]): void {
    const existing = this.#links.get(id);
    if (existing !== undefined) {
      existing.setUrls(urls);
      return;
    }
    const { clusterId, memberId, advertise, tls, logger, handlers } = this.#options;
    const link = new PeerLink(
      {
        id,
        clusterId,
        memberId,
        advertise,
        tls,
        logger,
        onUnreachable: () => handlers.onUnreachable(id),
        onRemoved: () => handlers.onRemoved(),
      },
      urls,
    );
    this.#links.set(id, link);
  }

  /** Lets go of a peer that is no member and has no stream to this one. */
  #forget(id: MemberId): void {
    if (this.#roster.urlsOf(id) !== undefined) return;
    this.#links.get(id)?.close();
    this.#links.delete(id);
  }

  #delivered(from: MemberId, items: readonly PeerItem[]): void {
    if (this.#isClosed) return;
    const { handlers } = this.#options;
    for (const item of items) {
      switch (item.kind) {
        case "message":
          handlers.onMessage(from, item.message);
          break;
        case "ask":
          handlers.onAsk(from, item.ask);
          break;
        case "answer":
          handlers.onAnswer(from, item.answer);
          break;
        case "hash":
          handlers.onHash(from, item.report);
          break;
        default:
          unreachable(item, "item");
      }
    }
    handlers.onDelivered();
  }

  async #answerMembers(respond: Respond): Promise<void> {
    if (this.#memberLists >= MEMBER_LISTS_MAX) {
      respond({ code: status.RESOURCE_EXHAUSTED, details: "too many requests for the members" });
      return;
    }
    this.#memberLists += 1;
    try {
      const { clusterId, memberId, handlers } = this.#options;
      const ids = Buffer.alloc(16);
      ids.writeBigUInt64LE(clusterId, 0);
      ids.writeBigUInt64LE(memberId, 8);
      respond(null, Buffer.concat([ids, await handlers.members()]));
    } catch (error) {
      respond({ code: status.UNAVAILABLE, details: String(error) });
    } finally {
      this.#memberLists -= 1;
    }
  }
}
