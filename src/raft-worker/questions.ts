import { ErrorCode } from "../shared/errors.js";
import { FRONTENDS_MAX, PEER_QUESTIONS_OPEN_MAX } from "../shared/limits.js";
import {
  type AnswerMessage,
  ASK_LEADER,
  type AskMessage,
  type PeerAsk,
  sendAnswer,
  sendAsk,
} from "../shared/messages/peer-ask.js";
import { RaftToMain } from "../shared/messages/raft-to-main.js";
import type { RingWriter } from "../shared/ring/writer.js";
import type { MemberId } from "./core/entry.js";

/** A question on its way between members. `id` is the asking side's. */
export interface PeerQuestion {
  readonly id: number;
  readonly kind: PeerAsk;
  readonly payload: Uint8Array;
}

/** The answer to it. */
export type PeerAnswer = AnswerMessage;

/** Carries questions and answers to other members; false when it cannot take one now. */
export interface QuestionOutbox {
  ask(to: MemberId, question: PeerQuestion): boolean;
  answer(to: MemberId, answer: PeerAnswer): boolean;
}

/** Who asked, and under which id. */
interface Asker {
  readonly from: MemberId;
  readonly id: number;
}

const NOTHING = new Uint8Array(0);

/**
 * Questions between members beside the log (peer-ask.ts): ours to others, theirs to our frontend 0, and the
 * answers back. A question that this member asks itself takes the same way, without the network.
 */
export class Questions {
  readonly #self: MemberId;
  readonly #frontends: readonly RingWriter[];
  readonly #peers: QuestionOutbox;
  /** Asked of frontend 0 and not answered yet. */
  readonly #open = new Map<number, Asker>();
  #nextAskId = 1;

  /** `frontends` are the rings to the frontends, by id. */
  constructor(self: MemberId, frontends: readonly RingWriter[], peers: QuestionOutbox) {
    this.#self = self;
    this.#frontends = frontends;
    this.#peers = peers;
  }

  /** A frontend asks. What cannot be sent is answered at once: the frontend may try again. */
  ask(frontend: number, ask: AskMessage, leaderId: MemberId | undefined): void {
    const id = ask.id * FRONTENDS_MAX + frontend;
    const to = ask.peer === ASK_LEADER ? leaderId : ask.peer;
    const { kind, payload } = ask;
    if (to === undefined) this.#refuse(id, ErrorCode.noLeader);
    else if (to === this.#self) this.asked(this.#self, { id, kind, payload });
    else if (!this.#peers.ask(to, { id, kind, payload })) {
      this.#refuse(id, ErrorCode.timeoutConnectionLost);
    }
  }

  /** Another member asks. Beyond the bound it is told so. */
  asked(from: MemberId, { id, kind, payload }: PeerQuestion): void {
    const output = this.#frontends[0];
    if (output === undefined || output.blocked || this.#open.size >= PEER_QUESTIONS_OPEN_MAX) {
      this.#reply({ from, id }, ErrorCode.tooManyRequests, NOTHING);
      return;
    }
    const askId = this.#nextAskId;
    this.#nextAskId += 1;
    this.#open.set(askId, { from, id });
    sendAsk(output, RaftToMain.asked, { id: askId, peer: from, kind, payload });
  }

  /** Frontend 0 answers what it was asked. */
  answer({ id: askId, code, payload }: AnswerMessage): void {
    const asker = this.#open.get(askId);
    if (asker === undefined) return;
    this.#open.delete(askId);
    this.#reply(asker, code, payload);
  }

  /** An answer to a question of one of our frontends. */
  answered({ id, code, payload }: PeerAnswer): void {
    const output = this.#frontends[id % FRONTENDS_MAX];
    if (output === undefined) return;
    sendAnswer(output, RaftToMain.answered, {
      id: Math.floor(id / FRONTENDS_MAX),
      code,
      payload,
    });
  }

  #reply({ from, id }: Asker, code: ErrorCode | 0, payload: Uint8Array): void {
    if (from === this.#self) this.answered({ id, code, payload });
    // An answer that cannot be sent is lost; whoever asked has a timeout.
    else this.#peers.answer(from, { id, code, payload });
  }

  #refuse(id: number, code: ErrorCode): void {
    this.answered({ id, code, payload: NOTHING });
  }
}
