import { ErrorCode } from "../../shared/errors.js";
import { PEER_QUESTIONS_OPEN_MAX } from "../../shared/limits.js";
import { MainToRaft } from "../../shared/messages/main-to-raft.js";
import {
  type AnswerMessage,
  type AskMessage,
  sendAnswer,
  sendAsk,
} from "../../shared/messages/peer-ask.js";
import type { RingWriter } from "../../shared/ring/writer.js";
import { type AnswerHandler, PendingTable } from "./pending.js";

/** A question for another member; to `ASK_LEADER`, or to a member id. */
export type PeerQuestion = Omit<AskMessage, "id">;

/** Answers another member's question, once: code 0 and a body, or a refusal. */
export type PeerReply = (code: ErrorCode | 0, body?: Uint8Array) => void;

/** Takes the questions of other members. Each must be answered in the end: the asked are counted. */
export type QuestionHandler = (question: AskMessage, reply: PeerReply) => void;

const NO_BYTES = new Uint8Array(0);
const ASKED_BYTES_MAX = 64 * 1024 * 1024;
/** Bits of a life's first question id: ids stay safe integers with the number of a frontend in them. */
const FIRST_ID_BITS = 46;

/** A frontend's questions to other members beside the log, and theirs to it (peer-ask.ts). */
export class PeerQuestions {
  readonly #toRaft: RingWriter;
  readonly #open: PendingTable;
  #handler: QuestionHandler = (_question, reply) => reply(ErrorCode.stopped);

  /**
   * `origin` is drawn when the process starts, and the ids begin at it: another member may answer a question of
   * this member's life before, and that answer must not be taken for one of this life's.
   */
  constructor(toRaft: RingWriter, origin: bigint) {
    this.#toRaft = toRaft;
    this.#open = new PendingTable({
      countMax: PEER_QUESTIONS_OPEN_MAX,
      bytesMax: ASKED_BYTES_MAX,
      firstId: 1 + Number(BigInt.asUintN(FIRST_ID_BITS, origin)),
    });
  }

  /** Names who answers other members. */
  onAsked(handler: QuestionHandler): void {
    this.#handler = handler;
  }

  /** Sends a question, with the next flush. False: too many are open, nothing was sent. */
  ask(question: PeerQuestion, handler: AnswerHandler, nowMs: number): boolean {
    const id = this.#open.add(handler, question.payload.length, nowMs);
    if (id === undefined) return false;
    sendAsk(this.#toRaft, MainToRaft.ask, { ...question, id });
    return true;
  }

  /** The answer to one of ours; its revision is not known here. */
  answered({ id, code, payload }: AnswerMessage): void {
    const length = code === 0 ? payload.length : 0;
    this.#open.answer(id, code, 0, payload, 0, length);
  }

  /** Another member asks. */
  asked(question: AskMessage, flushSoon: () => void): void {
    this.#handler(question, (code, body = NO_BYTES) => {
      sendAnswer(this.#toRaft, MainToRaft.answer, { id: question.id, code, payload: body });
      flushSoon();
    });
  }

  /** Refuses what has waited since `startedBeforeMs` or longer: the question or its answer was lost. */
  expire(startedBeforeMs: number): void {
    this.#open.expire(startedBeforeMs, () => ErrorCode.timeout);
  }

  /** Refuses everything: the server stops. */
  refuseAll(): void {
    this.#open.refuseAll();
  }
}
