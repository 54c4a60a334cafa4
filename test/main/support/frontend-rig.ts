import assert from "node:assert/strict";
import { MessageChannel } from "node:worker_threads";
import { Frontend } from "../../../src/main/frontend/frontend.js";
import type { ErrorCode } from "../../../src/shared/errors.js";
import { Member, MemberListResponse } from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { sendPublished, sendResult } from "../../../src/shared/messages/apply-to-main.js";
import { readLeaseId, readNumber } from "../../../src/shared/messages/main-to-apply.js";
import { MainToRaft, readReadIndex } from "../../../src/shared/messages/main-to-raft.js";
import {
  type AnswerMessage,
  type AskMessage,
  readAnswer,
  readAsk,
} from "../../../src/shared/messages/peer-ask.js";
import { sendReadConfirmed } from "../../../src/shared/messages/raft-to-main.js";
import { DELTA_START, DeltaReader } from "../../../src/shared/mvcc/delta-reader.js";
import { ReadView } from "../../../src/shared/mvcc/read-view.js";
import { Bell } from "../../../src/shared/ring/bell.js";
import { createRing } from "../../../src/shared/ring/layout.js";
import { RingReader } from "../../../src/shared/ring/reader.js";
import { RingWriter } from "../../../src/shared/ring/writer.js";
import { StatusBoard } from "../../../src/shared/status-board.js";
import { MapBase } from "../../store/support/map-base.js";

const RING_BYTES = 64 * 1024;
const DEADLINE_MS = 60_000;

/** What a test may set. */
export interface FrontendRigOptions {
  readonly requestTimeoutMs?: number;
  readonly electionTimeoutMs?: number;
  readonly members?: readonly Member[];
  readonly origin?: bigint;
}

/** A query to the lessor. */
export interface LeaseQuery {
  readonly type: number;
  readonly requestId: number;
  readonly leaseId: bigint;
}

/** A frontend whose other actors are played by the test. */
export class FrontendRig {
  readonly frontend: Frontend;
  readonly board = new StatusBoard();
  readonly base = new MapBase();
  readonly apply: { readonly reader: RingReader; readonly writer: RingWriter };
  readonly raft: { readonly reader: RingReader; readonly writer: RingWriter };
  /** What the Raft worker was sent and `listen` has taken, by kind. */
  readonly asks: AskMessage[] = [];
  readonly answers: AnswerMessage[] = [];
  readonly proposals: Buffer[] = [];
  readonly readIds: number[] = [];
  readonly #segments = new MessageChannel();

  constructor(options: FrontendRigOptions = {}) {
    const own = new Bell();
    const other = new Bell();
    const ring = (): SharedArrayBuffer => createRing(RING_BYTES);
    const [toRaft, fromRaft, toApply, fromApply] = [ring(), ring(), ring(), ring()];
    const out = { consumer: other, producer: own };
    const back = { consumer: own, producer: other };
    this.apply = {
      reader: new RingReader(toApply, out),
      writer: new RingWriter(fromApply, back),
    };
    this.raft = { reader: new RingReader(toRaft, out), writer: new RingWriter(fromRaft, back) };
    const members = [...(options.members ?? [])];
    this.frontend = new Frontend({
      id: 0,
      origin: options.origin ?? 1n,
      rings: {
        bell: own,
        toRaft: new RingWriter(toRaft, out),
        fromRaft: new RingReader(fromRaft, back),
        toApply: new RingWriter(toApply, out),
        fromApply: new RingReader(fromApply, back),
      },
      segments: this.#segments.port2,
      view: new ReadView({
        base: this.base,
        delta: new DeltaReader(),
        revision: 1,
        compactRevision: -1,
        appliedIndex: 0,
      }),
      board: this.board,
      members: MemberListResponse.encode({ header: undefined, members }).finish(),
      maxRequestBytes: 1_572_864,
      electionTimeoutMs: options.electionTimeoutMs ?? 1000,
      requestTimeoutMs: options.requestTimeoutMs ?? 60_000,
      nowMs: () => performance.now(),
      onBug: (error) => {
        throw error;
      },
    });
  }

  /** Takes what the Raft worker was sent. */
  listen(): void {
    this.raft.reader.drain((type, bytes, view, offset, length) => {
      if (type === MainToRaft.ask) this.asks.push(readAsk(bytes, view, offset, length));
      else if (type === MainToRaft.answer) {
        this.answers.push(readAnswer(bytes, view, offset, length));
      } else if (type === MainToRaft.readIndex) this.readIds.push(readReadIndex(view, offset));
      else this.proposals.push(Buffer.from(bytes.subarray(offset, offset + length)));
    });
  }

  /** Waits for the next query to the lessor, and gives it. */
  async leaseQuery(): Promise<LeaseQuery> {
    const queries: LeaseQuery[] = [];
    await this.until(() => {
      this.apply.reader.drain((type, _bytes, view, offset) => {
        const requestId = readNumber(view, offset);
        queries.push({ type, requestId, leaseId: readLeaseId(view, offset) });
        return false;
      });
      return queries.length > 0;
    }, "a query to the lessor");
    return queries[0]!;
  }

  /** Answers a query or a proposal as the apply worker does. */
  result(requestId: number, code: ErrorCode | 0, body: Uint8Array = new Uint8Array(0)): void {
    sendResult(this.apply.writer, { requestId, revision: 1, code, body });
    this.apply.writer.flush();
  }

  /** Waits for a condition, taking what is sent meanwhile. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = performance.now() + DEADLINE_MS;
    for (;;) {
      this.listen();
      if (condition()) return;
      assert.ok(performance.now() < deadline, `never: ${what}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Waits for the next question for a read index, and confirms it. */
  async confirmRead(before: () => void = () => {}): Promise<void> {
    await this.until(() => this.readIds.length > 0, "a question for a read index");
    before();
    sendReadConfirmed(this.raft.writer, this.readIds.shift() ?? 0, 0);
    this.raft.writer.flush();
  }

  /** Publishes an applied index, and nothing else. */
  applied(appliedIndex: number): void {
    const state = { appliedIndex, revision: 1, compactRevision: -1, end: DELTA_START };
    sendPublished(this.apply.writer, state);
    this.apply.writer.flush();
  }

  async stop(): Promise<void> {
    await this.frontend.stop();
    this.#segments.port1.close();
  }
}

/** A member that has started, or not when it has no name. */
export function member(ID: bigint, rest: Partial<Member> = {}): Member {
  return Member.fromPartial({
    ID,
    name: `m${ID}`,
    peerURLs: [`http://127.0.0.1:${Number(ID) + 1000}`],
    ...rest,
  });
}
