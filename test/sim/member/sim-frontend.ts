import { MessageChannel } from "node:worker_threads";
import { LeaderLessor } from "../../../src/main/cluster/leader-lessor.js";
import { Standing } from "../../../src/main/cluster/standing.js";
import { Frontend, type FrontendRings } from "../../../src/main/frontend/frontend.js";
import type { AnswerHandler } from "../../../src/main/frontend/pending.js";
import { HeaderEncoder } from "../../../src/main/services/response-header.js";
import { WatchHub } from "../../../src/main/watch/watch-hub.js";
import type { DeltaSegmentMessage } from "../../../src/shared/control/apply-control.js";
import { ErrorCode } from "../../../src/shared/errors.js";
import { LeaseKeepAliveRequest } from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { ASK_LEADER, PeerAsk } from "../../../src/shared/messages/peer-ask.js";
import type { ReadView } from "../../../src/shared/mvcc/read-view.js";
import { BoardSlot, type StatusBoard } from "../../../src/shared/status-board.js";
import { ELECTION_MS } from "./timing.js";

/** A server's requests time out after 5 s and two elections. */
const REQUEST_TIMEOUT_MS = 5000 + 2 * ELECTION_MS;
/** Small, so that a watcher is often behind. */
const WATCH_LIMITS = { batchSizeMax: 4, sliceChangesMax: 8, joinSpan: 16, liveQueueBytesMax: 2048 };

/** What a frontend is made of. */
export interface SimFrontendOptions {
  readonly memberId: bigint;
  readonly origin: bigint;
  readonly rings: FrontendRings;
  readonly view: ReadView;
  readonly board: StatusBoard;
  /** MemberListResponse, as of the start. */
  readonly members: Uint8Array;
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly onBug: (error: unknown) => void;
}

/** The real frontend of a simulated process, with its watch hub, and what answers other members. */
export class SimFrontend {
  readonly frontend: Frontend;
  readonly hub: WatchHub;
  readonly #segments = new MessageChannel();
  readonly #standing: Standing;
  readonly #lessor: LeaderLessor;

  constructor(options: SimFrontendOptions) {
    const { memberId, board, view, nowMs } = options;
    this.frontend = new Frontend({
      ...options,
      id: 0,
      segments: this.#segments.port2,
      maxRequestBytes: 100_000,
      electionTimeoutMs: ELECTION_MS,
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
    });
    const { frontend } = this;
    this.#standing = new Standing({ memberId, board, members: () => frontend.members() });
    this.#lessor = new LeaderLessor({ frontend, board, standing: this.#standing });
    this.hub = new WatchHub({
      view,
      header: new HeaderEncoder({ clusterId: 1n, memberId }, () => board.get(BoardSlot.term)),
      fragmentBytes: 1024 * 1024,
      progressIntervalMs: 3000,
      wake: () => frontend.wake(),
      refusal: () => this.#standing.refusal,
      nowMs,
      random: options.random,
      limits: WATCH_LIMITS,
    });
    frontend.listen(this.hub);
    frontend.onAsked(({ kind, payload }, reply) => {
      if (kind !== PeerAsk.leaseRenew) return reply(ErrorCode.malformedRequest);
      this.#lessor.renew(
        LeaseKeepAliveRequest.decode(payload).ID,
        (code, _revision, bytes, offset, length) => {
          if (code === 0) reply(0, bytes.subarray(offset, offset + length));
          else reply(code);
        },
      );
    });
  }

  /** Hands a segment of the delta over, as the apply worker does. */
  postSegment(message: DeltaSegmentMessage): void {
    this.#segments.port1.postMessage(message);
  }

  /** Renews a lease: here, or where the leader is. One try. */
  renewLease(ID: bigint, handler: AnswerHandler): void {
    if (this.#standing.leads) return this.#lessor.renew(ID, handler);
    const payload = LeaseKeepAliveRequest.encode({ ID }).finish();
    this.frontend.ask({ peer: ASK_LEADER, kind: PeerAsk.leaseRenew, payload }, handler);
  }

  /** The process is gone. */
  close(): void {
    this.#segments.port1.close();
  }
}
