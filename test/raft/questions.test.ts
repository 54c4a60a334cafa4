import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type PeerAnswer, type PeerQuestion, Questions } from "../../src/raft-worker/questions.js";
import { ErrorCode } from "../../src/shared/errors.js";
import { PEER_QUESTIONS_OPEN_MAX } from "../../src/shared/limits.js";
import { ASK_LEADER, PeerAsk, readAnswer, readAsk } from "../../src/shared/messages/peer-ask.js";
import { RaftToMain } from "../../src/shared/messages/raft-to-main.js";
import { Bell } from "../../src/shared/ring/bell.js";
import { createRing } from "../../src/shared/ring/layout.js";
import { RingReader } from "../../src/shared/ring/reader.js";
import { RingWriter } from "../../src/shared/ring/writer.js";

const PAYLOAD = Uint8Array.of(1, 2, 3);

/** Two frontends, and a network that notes what it is given. */
class Rig {
  readonly asked: { to: bigint; question: PeerQuestion }[] = [];
  readonly answers: { to: bigint; answer: PeerAnswer }[] = [];
  isConnected = true;
  readonly questions: Questions;
  readonly #writers: RingWriter[] = [];
  readonly #readers: RingReader[] = [];

  constructor() {
    const bells = { consumer: new Bell(), producer: new Bell() };
    for (let frontend = 0; frontend < 2; frontend += 1) {
      const ring = createRing(1 << 22);
      this.#writers.push(new RingWriter(ring, bells));
      this.#readers.push(new RingReader(ring, bells));
    }
    this.questions = new Questions(1n, this.#writers, {
      ask: (to, question) => {
        if (this.isConnected) this.asked.push({ to, question });
        return this.isConnected;
      },
      answer: (to, answer) => {
        this.answers.push({ to, answer });
        return true;
      },
    });
  }

  /** What a frontend was sent since the last call. */
  received(frontend: number): { asked: ReturnType<typeof readAsk>[]; answers: PeerAnswer[] } {
    const seen = { asked: [] as ReturnType<typeof readAsk>[], answers: [] as PeerAnswer[] };
    this.#writers[frontend]?.flush();
    this.#readers[frontend]?.drain((type, bytes, view, offset, length) => {
      if (type === RaftToMain.asked) seen.asked.push(readAsk(bytes, view, offset, length));
      else seen.answers.push(readAnswer(bytes, view, offset, length));
    });
    return seen;
  }
}

const renewal = (peer: bigint) => ({ id: 77, peer, kind: PeerAsk.leaseRenew, payload: PAYLOAD });

describe("Questions", () => {
  test("carry a frontend's question to the leader and the answer back to that frontend", () => {
    const rig = new Rig();
    rig.questions.ask(1, renewal(ASK_LEADER), 3n);
    const sent = rig.asked[0];
    assert.equal(sent?.to, 3n);
    assert.deepEqual(sent?.question.payload, PAYLOAD);
    rig.questions.answered({ id: sent?.question.id ?? 0, code: 0, payload: Uint8Array.of(9) });
    const answer = { id: 77, code: 0, payload: Uint8Array.of(9) };
    assert.deepEqual(rig.received(1).answers, [answer]);
    assert.deepEqual(rig.received(0).answers, []);
  });

  test("are answered at once without a leader, and without a connection", () => {
    const rig = new Rig();
    rig.questions.ask(1, renewal(ASK_LEADER), undefined);
    rig.isConnected = false;
    rig.questions.ask(1, renewal(2n), 3n);
    const codes = rig.received(1).answers.map(({ code }) => code);
    assert.deepEqual(codes, [ErrorCode.noLeader, ErrorCode.timeoutConnectionLost]);
  });

  test("hand another member's question to frontend 0 and its answer to that member", () => {
    const rig = new Rig();
    rig.questions.asked(2n, { id: 5, kind: PeerAsk.leaseTimeToLive, payload: PAYLOAD });
    const [asked] = rig.received(0).asked;
    assert.equal(asked?.peer, 2n);
    assert.equal(asked?.kind, PeerAsk.leaseTimeToLive);
    rig.questions.answer({ id: asked?.id ?? 0, code: 0, payload: PAYLOAD });
    rig.questions.answer({ id: asked?.id ?? 0, code: 0, payload: PAYLOAD });
    const answer = { id: 5, code: 0, payload: PAYLOAD };
    assert.deepEqual(rig.answers, [{ to: 2n, answer }]);
  });

  test("that a member asks itself take no network", () => {
    const rig = new Rig();
    rig.questions.ask(1, renewal(ASK_LEADER), 1n);
    const [asked] = rig.received(0).asked;
    rig.questions.answer({
      id: asked?.id ?? 0,
      code: ErrorCode.leaseNotFound,
      payload: PAYLOAD,
    });
    assert.equal(rig.received(1).answers[0]?.code, ErrorCode.leaseNotFound);
    assert.deepEqual([rig.asked, rig.answers], [[], []]);
  });

  test("beyond the bound are refused, and taken again once some were answered", () => {
    const rig = new Rig();
    const ask = (id: number): void =>
      rig.questions.asked(2n, { id, kind: PeerAsk.leaseRenew, payload: PAYLOAD });
    for (let id = 1; id <= PEER_QUESTIONS_OPEN_MAX; id += 1) ask(id);
    assert.equal(rig.answers.length, 0);
    ask(0);
    assert.equal(rig.answers.at(-1)?.answer.code, ErrorCode.tooManyRequests);
    rig.questions.answer({ id: rig.received(0).asked[0]?.id ?? 0, code: 0, payload: PAYLOAD });
    ask(1);
    assert.equal(rig.answers.length, 2);
  });
});
