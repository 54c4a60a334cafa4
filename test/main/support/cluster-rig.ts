import assert from "node:assert/strict";
import { LeaderCalls } from "../../../src/main/cluster/leader-calls.js";
import { LeaderLessor } from "../../../src/main/cluster/leader-lessor.js";
import type { PeerAnswersContext } from "../../../src/main/cluster/peer-answers.js";
import { Standing } from "../../../src/main/cluster/standing.js";
import { HeaderEncoder } from "../../../src/main/services/response-header.js";
import type { RpcMethod } from "../../../src/main/transport/method.js";
import type { PeerStatus } from "../../../src/shared/control/raft-control.js";
import type { Member } from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { type ConfChange, decodeConfChange } from "../../../src/shared/messages/conf-change.js";
import {
  ENTRY_HEADER_BYTES,
  type EntryHeader,
  EntryKind,
  readEntryHeader,
} from "../../../src/shared/messages/entry.js";
import { BoardSlot } from "../../../src/shared/status-board.js";
import { FakeCall } from "../../transport/fake-call.js";
import { FrontendRig, type FrontendRigOptions } from "./frontend-rig.js";

/** What a test may set. */
export interface ClusterRigOptions extends FrontendRigOptions {
  readonly strictReconfigCheck?: boolean;
}

/** Member 1 of a cluster, its services, and the Raft worker's side played by the test. */
export class ClusterRig extends FrontendRig {
  /** What is known of the other members; the test changes it. */
  peers: PeerStatus[] = [];
  readonly transfers: bigint[] = [];
  readonly context: PeerAnswersContext;

  constructor(options: ClusterRigOptions = {}) {
    super(options);
    const { frontend, board } = this;
    const standing = new Standing({ memberId: 1n, board, members: () => frontend.members() });
    this.context = {
      frontend,
      board,
      standing,
      header: new HeaderEncoder({ clusterId: 9n, memberId: 1n }, () => 3),
      memberId: 1n,
      clusterId: 9n,
      cluster: {
        peers: async () => this.peers,
        transferLeader: async (to) => {
          this.transfers.push(to);
        },
      },
      calls: new LeaderCalls({
        timeoutMs: 60_000,
        attemptMs: 30_000,
        nowMs: () => performance.now(),
        leaderId: () => board.getId(BoardSlot.leaderId),
      }),
      lessor: new LeaderLessor({ frontend, board, standing }),
      strictReconfigCheck: options.strictReconfigCheck ?? true,
    } as Partial<PeerAnswersContext> as PeerAnswersContext;
    this.leader(1n);
    frontend.start();
  }

  leader(id: bigint): void {
    this.board.setId(BoardSlot.leaderId, id);
  }

  /** Another member that has been connected to for a long time. */
  connected(id: bigint, matchIndex?: number): void {
    this.peers.push({ id, activeSinceMs: 0, matchIndex });
  }

  /** Calls one of the methods. */
  call(methods: readonly RpcMethod[], name: string, request: Uint8Array): FakeCall {
    const method = methods.find(({ path }) => path.endsWith(`/${name}`));
    assert.ok(method?.kind === "unary");
    const call = new FakeCall();
    method.handle(call, request);
    return call;
  }

  /** Waits until a call is over. */
  async ended(call: FakeCall): Promise<void> {
    await this.until(() => call.ended, "the end of the call");
  }

  /** Waits for the next change that is proposed, and its request id. */
  async proposed(): Promise<{ readonly change: ConfChange; readonly requestId: number }> {
    await this.until(() => this.proposals.length > 0, "a proposal");
    const entry = Uint8Array.from(this.proposals.shift() ?? []);
    const header = readEntryHeader(new DataView(entry.buffer), 0, {} as EntryHeader);
    assert.equal(header.kind, EntryKind.confChange);
    const change = decodeConfChange(entry.subarray(ENTRY_HEADER_BYTES));
    return { change, requestId: header.requestId };
  }
}

/** Ids of members, for a look at a list. */
export function idsOf(members: readonly Member[]): number[] {
  return members.map(({ ID }) => Number(ID));
}
