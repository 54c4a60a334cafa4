import type { PeerTlsOptions } from "../../shared/control/raft-control.js";
import type { Logger } from "../../shared/logger.js";
import type { MemberId } from "../core/entry.js";
import { BackOff } from "./back-off.js";
import {
  BACK_OFF_MS_MAX,
  LOG_AGAIN_MS,
  PEER_MESSAGE_BYTES_MAX,
  STREAM_BYTES_MAX,
} from "./bounds.js";
import { encodeEnvelope } from "./envelope.js";
import type { PeerItem } from "./items.js";
import { LogThrottle } from "./log-throttle.js";
import { OutgoingCall, PeerCallError } from "./outgoing-call.js";
import { parsePeerUrl } from "./peer-url.js";
import { Refusal } from "./refusal.js";
import { SendQueue } from "./send-queue.js";
import { MESSAGES_METHOD } from "./service.js";

/** What a link is made of. */
export interface PeerLinkOptions {
  readonly id: MemberId;
  readonly clusterId: bigint;
  readonly memberId: MemberId;
  /** Peer URLs of this member. */
  readonly advertise: readonly string[];
  readonly tls: PeerTlsOptions | undefined;
  readonly logger: Logger;
  /** What was sent lately may be lost. Never called from within `send`. */
  readonly onUnreachable: () => void;
  readonly onRemoved: () => void;
}

/**
 * This member's stream to another one: connects, and again whenever the stream breaks; gathers what is
 * sent in one turn of the event loop into envelopes, and holds back when the connection does not keep up.
 */
export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #queue = new SendQueue();
  readonly #backOff = new BackOff();
  readonly #failures = new LogThrottle(LOG_AGAIN_MS);
  readonly #drops = new LogThrottle(LOG_AGAIN_MS);
  #urls: readonly string[];
  #nextUrl = 0;
  #call: OutgoingCall | undefined;
  #activeSinceMs: number | undefined;
  #isFlushDue = false;
  #isOverflowing = false;
  #isClosed = false;

  /** Begins to connect at once. */
  constructor(options: PeerLinkOptions, urls: readonly string[]) {
    this.#options = options;
    this.#urls = urls;
    void this.#run();
  }

  /** Since when messages get through (`performance.now()`); undefined: they do not. */
  get activeSinceMs(): number | undefined {
    return this.#activeSinceMs;
  }

  /** Where the member is reached, the URL that is or was last in use first. */
  get urls(): readonly string[] {
    const at = this.#nextUrl % Math.max(1, this.#urls.length);
    return [...this.#urls.slice(at), ...this.#urls.slice(0, at)];
  }

  /** Where the member is reached from now on. A stream that works is kept. */
  setUrls(urls: readonly string[]): void {
    if (urls.join() === this.#urls.join()) return;
    this.#urls = urls;
    this.#nextUrl = 0;
    this.#backOff.cut();
  }

  /** Puts an item into the queue; false when there is no room for it. */
  send(item: PeerItem): boolean {
    if (this.#isClosed) return false;
    const isTaken = this.#queue.add(item, this.#activeSinceMs === undefined);
    if (!isTaken) this.#isOverflowing = true;
    this.#flushSoon();
    return isTaken;
  }

  /** The member was heard of: it may be reached now. */
  poke(): void {
    this.#backOff.cut();
  }

  /** Ends the stream; nothing is sent any more. */
  close(): void {
    this.#isClosed = true;
    this.#queue.clear();
    this.#backOff.cut();
    this.#call?.close();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        await this.#connection();
      } catch (error) {
        this.#failed(error);
      }
      // What was meant for a time that has passed is of no use to a peer that comes back.
      this.#queue.clear();
      if (!this.#isClosed) await this.#backOff.pause();
    }
  }

  /** One stream from its making to its end. */
  async #connection(): Promise<void> {
    const { id, clusterId, memberId: from, advertise, tls } = this.#options;
    const url = this.urls[0];
    const address = url === undefined ? undefined : parsePeerUrl(url);
    if (address === undefined) throw new PeerCallError(`there is no way to the URL ${url}`);
    const handshake = { clusterId, from, to: id, urls: advertise };
    const call = await OutgoingCall.open({ method: MESSAGES_METHOD, address, tls, handshake });
    try {
      if (this.#isClosed) return;
      this.#call = call;
      this.#active(address.url, call.peerVersion);
      throw (await call.over) ?? new PeerCallError("the peer ended the stream");
    } finally {
      this.#call = undefined;
      call.close();
    }
  }

  #active(url: string, version: string): void {
    this.#activeSinceMs = performance.now();
    this.#failures.forget();
    this.#options.logger.info("peer became active", {
      "remote-peer-id": this.#options.id,
      url,
      "remote-peer-version": version,
    });
    this.#flushSoon();
  }

  #failed(error: unknown): void {
    if (this.#isClosed) return;
    const { onUnreachable, onRemoved, logger } = this.#options;
    const fields = { ...this.#identities(), error };
    const wasActive = this.#activeSinceMs !== undefined;
    // A peer that lets this member in and then does not want it is not to be run into all the time.
    const activeMs = performance.now() - (this.#activeSinceMs ?? Number.POSITIVE_INFINITY);
    if (activeMs > BACK_OFF_MS_MAX) this.#backOff.reset();
    this.#activeSinceMs = undefined;
    if (wasActive) {
      logger.warn("peer became inactive (message send to peer failed)", fields);
    } else {
      if (this.#failures.isDue(refusalOf(error) ?? "")) logger.warn(failureText(error), fields);
      this.#nextUrl += 1;
    }
    if (refusalOf(error) === Refusal.removed) onRemoved();
    else if (wasActive) onUnreachable();
  }

  #identities(): Readonly<Record<string, unknown>> {
    const { id, memberId, clusterId } = this.#options;
    return {
      "remote-peer-id": id,
      "remote-peer-url": this.urls[0],
      "local-member-id": memberId,
      "local-member-cluster-id": clusterId,
    };
  }

  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    setImmediate(() => {
      this.#isFlushDue = false;
      if (this.#isClosed) return;
      this.#reportOverflow();
      this.#flush();
    });
  }

  readonly #flush = (): void => {
    const call = this.#call;
    while (call !== undefined && !this.#queue.isEmpty && call.bufferedBytes < STREAM_BYTES_MAX) {
      const envelope = encodeEnvelope(this.#queue.take());
      // The other side would end the stream, and again after every attempt to say the same.
      if (envelope.length > PEER_MESSAGE_BYTES_MAX) {
        this.#dropped("dropped a message to a peer: it is too large");
        continue;
      }
      call.write(envelope, this.#flush);
    }
  };

  #reportOverflow(): void {
    if (!this.#isOverflowing) return;
    this.#isOverflowing = false;
    // While nothing gets through anyway, that has been said.
    if (this.#activeSinceMs === undefined) return;
    this.#dropped("dropped messages to a peer: it takes them too slowly");
    this.#options.onUnreachable();
  }

  #dropped(message: string): void {
    if (!this.#drops.isDue(message)) return;
    this.#options.logger.warn(message, this.#identities());
  }
}

function refusalOf(error: unknown): Refusal | undefined {
  return error instanceof PeerCallError ? error.refusal : undefined;
}

function failureText(error: unknown): string {
  if (refusalOf(error) === Refusal.clusterIdMismatch) {
    return "request sent was ignored by remote peer due to cluster ID mismatch";
  }
  return "failed to reach the peer";
}
