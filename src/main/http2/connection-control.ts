import { PingPolicy } from "../transport/ping-policy.js";
import type { ConnectionSender } from "./connection-sender.js";
import { ConnectionError, Http2Code } from "./error-code.js";
import type { FrameCredit } from "./frame-credit.js";
import { Flag, STREAM_ID_MAX, WINDOW_BYTES_DEFAULT, WINDOW_BYTES_MAX } from "./frame-format.js";
import type { FrameReader } from "./frame-reader.js";
import { writeSettings } from "./frame-writer.js";
import { Liveness, type LivenessTimes } from "./liveness.js";
import { PeerSettings, SettingId } from "./settings.js";
import type { StreamTable } from "./stream-table.js";

/** What the control frames of a connection are bound by. Sizes in bytes. */
export interface ControlBounds {
  /** SETTINGS_MAX_CONCURRENT_STREAMS; undefined leaves it out. */
  readonly streamsAnnounced: number | undefined;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  readonly headerTableBytes: number;
  readonly headerListBytes: number;
  readonly times: LivenessTimes;
  /** For the answer to the ping of a drain. */
  readonly drainTimeoutMs: number;
  /** --grpc-keepalive-min-time. */
  readonly pingIntervalMinMs: number;
}

/** What the control frames of a connection work on. */
export interface ControlParts {
  readonly bounds: ControlBounds;
  readonly sender: ConnectionSender;
  readonly streams: StreamTable;
  readonly credit: FrameCredit;
  /** The peer's HPACK table may hold so many bytes. */
  readonly setHeaderTableBytes: (bytes: number) => void;
}

const KEEPALIVE_PING = new Uint8Array([0x63, 0x61, 0x70, 0x73, 0x74, 0x61, 0x6e, 0x01]);
const DRAIN_PING = new Uint8Array([0x63, 0x61, 0x70, 0x73, 0x74, 0x61, 0x6e, 0x02]);

/** What a SETTINGS frame costs in frames without use, and how many open streams cost one more. */
const SETTINGS_COST = 20;
const STREAMS_PER_COST = 20;

/** Where a connection is on its way out. */
export type Draining = "no" | "announced" | "final";

/** SETTINGS, PING and GOAWAY of a connection: its beginning, its health and its end (RFC 9113 sections 6.5, 6.7, 6.8). */
export class ConnectionControl {
  readonly #parts: ControlParts;
  readonly #peer = new PeerSettings();
  readonly #liveness: Liveness;
  readonly #pingPolicy: PingPolicy;
  #draining: Draining = "no";
  #drainDueMs = 0;

  constructor(parts: ControlParts, nowMs: number) {
    this.#parts = parts;
    this.#liveness = new Liveness(parts.bounds.times, nowMs);
    this.#pingPolicy = new PingPolicy(parts.bounds.pingIntervalMinMs);
  }

  /** Send window of a new stream. */
  get initialWindowBytes(): number {
    return this.#peer.initialWindowBytes;
  }

  get draining(): Draining {
    return this.#draining;
  }

  /** Sends our SETTINGS, and the connection's window. */
  greet(): void {
    const { bounds, sender } = this.#parts;
    const settings: [number, number][] = [
      [SettingId.HEADER_TABLE_SIZE, bounds.headerTableBytes],
      [SettingId.MAX_HEADER_LIST_SIZE, bounds.headerListBytes],
      [SettingId.INITIAL_WINDOW_SIZE, bounds.streamWindowBytes],
    ];
    if (bounds.streamsAnnounced !== undefined) {
      settings.push([SettingId.MAX_CONCURRENT_STREAMS, bounds.streamsAnnounced]);
    }
    writeSettings(sender.output.sink, settings);
    sender.windowUpdate(0, bounds.connectionWindowBytes - WINDOW_BYTES_DEFAULT);
  }

  /** Bytes have come. */
  received(nowMs: number): void {
    this.#liveness.received(nowMs);
  }

  /** Looks at each frame before it is taken: the first must be SETTINGS (RFC 9113 section 3.4). */
  checkFirst(isSettings: boolean): void {
    if (this.#liveness.isGreeted) return;
    if (!isSettings) {
      throw new ConnectionError(Http2Code.PROTOCOL_ERROR, "the first frame was not SETTINGS");
    }
    this.#liveness.isGreeted = true;
  }

  /** A SETTINGS frame. */
  onSettings({ bytes, start, end, flags }: FrameReader, nowMs: number): void {
    const { credit, sender, streams } = this.#parts;
    if ((flags & Flag.ACK) !== 0) {
      if (this.#liveness.isAcknowledged) credit.spend(1, nowMs);
      this.#liveness.isAcknowledged = true;
      return;
    }
    credit.spend(SETTINGS_COST + streams.size / STREAMS_PER_COST, nowMs);
    const { initialWindowBytes, headerTableBytes } = this.#peer;
    this.#peer.apply(bytes, start, end);
    sender.frameBytesMax = this.#peer.frameBytesMax;
    if (this.#peer.headerTableBytes !== headerTableBytes) {
      this.#parts.setHeaderTableBytes(this.#peer.headerTableBytes);
    }
    sender.acknowledgeSettings();
    this.#moveWindows(this.#peer.initialWindowBytes - initialWindowBytes);
  }

  /** A PING frame. */
  onPing({ bytes, start, end, flags }: FrameReader, nowMs: number): void {
    const { credit, sender, streams } = this.#parts;
    const payload = bytes.subarray(start, end);
    if ((flags & Flag.ACK) !== 0) {
      if (this.#draining === "announced" && payload[7] === DRAIN_PING[7]) this.#endDrain();
      else credit.spend(1, nowMs);
      return;
    }
    sender.ping(payload, true);
    const sentSinceLastPing = sender.hasAnswered;
    sender.hasAnswered = false;
    const situation = { nowMs, openCalls: streams.size, sentSinceLastPing };
    if (this.#pingPolicy.isTooMuch(situation)) {
      throw new ConnectionError(Http2Code.ENHANCE_YOUR_CALM, "too_many_pings");
    }
  }

  /** Looks at the clock. Throws ConnectionError when the peer is too slow. */
  tick(nowMs: number): void {
    if (this.#draining === "announced" && nowMs >= this.#drainDueMs) this.#endDrain();
    switch (this.#liveness.due(nowMs)) {
      case "ping":
        this.#parts.sender.ping(KEEPALIVE_PING, false);
        return;
      case "no-preface":
        throw new ConnectionError(Http2Code.PROTOCOL_ERROR, "no preface");
      case "no-settings-ack":
        throw new ConnectionError(Http2Code.SETTINGS_TIMEOUT, "SETTINGS were not acknowledged");
      case "silent":
        throw new ConnectionError(Http2Code.NO_ERROR, "no answer to a ping");
      case "nothing":
        return;
    }
  }

  /** Begins to drain: a GOAWAY that allows what is on its way, and a ping that shows when it has come. */
  drain(nowMs: number): void {
    if (this.#draining !== "no") return;
    this.#draining = "announced";
    this.#drainDueMs = nowMs + this.#parts.bounds.drainTimeoutMs;
    this.#goaway(STREAM_ID_MAX, Http2Code.NO_ERROR, "");
    this.#parts.sender.ping(DRAIN_PING, false);
  }

  /** Says why the connection ends. */
  fail(code: Http2Code, text: string): void {
    this.#goaway(this.#parts.streams.lastServedId, code, text);
  }

  #endDrain(): void {
    this.#draining = "final";
    this.#goaway(this.#parts.streams.lastServedId, Http2Code.NO_ERROR, "");
  }

  #goaway(lastStreamId: number, code: Http2Code, text: string): void {
    this.#parts.sender.goaway({ lastStreamId, code, text });
  }

  /** A new initial window changes the windows of all streams that are open (RFC 9113 section 6.9.2). */
  #moveWindows(delta: number): void {
    if (delta === 0) return;
    const { streams, sender } = this.#parts;
    for (const stream of streams.values()) {
      stream.sendWindow += delta;
      if (stream.sendWindow > WINDOW_BYTES_MAX) {
        throw new ConnectionError(Http2Code.FLOW_CONTROL_ERROR, "a window beyond 2^31 - 1");
      }
      if (delta > 0) sender.schedule(stream);
    }
  }
}
