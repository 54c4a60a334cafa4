import { unreachable } from "../../shared/assert.js";
import { ErrorCode } from "../../shared/errors.js";
import { PeerAsk } from "../../shared/messages/peer-ask.js";
import type { Message } from "../core/messages.js";
import type { HashReport } from "../hash-check.js";
import type { PeerAnswer, PeerQuestion } from "../questions.js";
import { ENVELOPE_BYTES } from "./bounds.js";
import { type FieldReader, type FieldWriter, MalformedEnvelopeError } from "./fields.js";
import { readMessage, writeMessage } from "./message-codec.js";

/** What travels in an envelope. */
export type PeerItem =
  | { readonly kind: "message"; readonly message: Message }
  | { readonly kind: "ask"; readonly ask: PeerQuestion }
  | { readonly kind: "answer"; readonly answer: PeerAnswer }
  | { readonly kind: "hash"; readonly report: HashReport };

/** Tags beyond those of Raft messages. On the wire: never reuse a number. */
const ASK_TAG = 64;
const ANSWER_TAG = 65;
const HASH_TAG = 66;

const ASK_KINDS: ReadonlySet<number> = new Set(Object.values(PeerAsk));
const CODES: ReadonlySet<number> = new Set([0, ...Object.values(ErrorCode)]);

/** Bytes that an item is taken to have besides its payloads, and besides each of them. */
const ITEM_BYTES = 64;
const PAYLOAD_OVERHEAD_BYTES = 8;

/** What an item counts in a queue and an envelope: about what it takes on the wire. */
export function itemBytes(item: PeerItem): number {
  switch (item.kind) {
    case "message":
      return ITEM_BYTES + messagePayloadBytes(item.message);
    case "ask":
      return ITEM_BYTES + item.ask.payload.length;
    case "answer":
      return ITEM_BYTES + item.answer.payload.length;
    case "hash":
      return ITEM_BYTES;
    default:
      return unreachable(item, "item");
  }
}

function messagePayloadBytes(message: Message): number {
  let bytes = 0;
  if (message.kind === "appendRequest") {
    for (const { payload } of message.entries) bytes += payload.length + PAYLOAD_OVERHEAD_BYTES;
  } else if (message.kind === "proposeRequest" || message.kind === "proposeRefused") {
    for (const payload of message.payloads) bytes += payload.length + PAYLOAD_OVERHEAD_BYTES;
  }
  return bytes;
}

/**
 * The message as it shall travel: proposals of one turn may be many megabytes, and go in parts, so that
 * each fits an envelope and a part that has no room is all that is lost.
 */
export function splitMessage(message: Message): readonly Message[] {
  if (message.kind !== "proposeRequest" && message.kind !== "proposeRefused") return [message];
  const parts: Uint8Array[][] = [[]];
  let bytes = 0;
  for (const payload of message.payloads) {
    if (bytes > 0 && bytes + payload.length > ENVELOPE_BYTES) {
      parts.push([]);
      bytes = 0;
    }
    parts.at(-1)?.push(payload);
    bytes += payload.length + PAYLOAD_OVERHEAD_BYTES;
  }
  return parts.map((payloads) => ({ ...message, payloads }));
}

/** Writes an item's tag and fields. */
export function writeItem(item: PeerItem, fields: FieldWriter): void {
  switch (item.kind) {
    case "message":
      writeMessage(item.message, fields);
      break;
    case "ask":
      fields.integer(ASK_TAG).integer(item.ask.id).integer(item.ask.kind).blob(item.ask.payload);
      break;
    case "answer": {
      const { id, code, payload } = item.answer;
      fields.integer(ANSWER_TAG).integer(id).integer(code).blob(payload);
      break;
    }
    case "hash":
      fields.integer(HASH_TAG).integer(item.report.index).wide(item.report.hash);
      break;
    default:
      unreachable(item, "item");
  }
}

/** Reads what `writeItem` wrote. */
export function readItem(fields: FieldReader): PeerItem {
  const item = readTagged(fields.integer(), fields);
  fields.end();
  return item;
}

function readTagged(tag: number, fields: FieldReader): PeerItem {
  switch (tag) {
    case ASK_TAG: {
      const id = fields.integer();
      const kind = known<PeerAsk>(fields.integer(), ASK_KINDS, "a question");
      return { kind: "ask", ask: { id, kind, payload: fields.blob() } };
    }
    case ANSWER_TAG: {
      const id = fields.integer();
      const code = known<ErrorCode | 0>(fields.integer(), CODES, "an error code");
      return { kind: "answer", answer: { id, code, payload: fields.blob() } };
    }
    case HASH_TAG:
      return { kind: "hash", report: { index: fields.integer(), hash: fields.wide() } };
    default:
      return { kind: "message", message: readMessage(tag, fields) };
  }
}

function known<T extends number>(value: number, values: ReadonlySet<number>, what: string): T {
  if (!values.has(value)) throw new MalformedEnvelopeError(`${value} is not ${what}`);
  return value as T;
}
