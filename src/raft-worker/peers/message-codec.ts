// Hot file: every Raft message to and from another member.
import { assert } from "../../shared/assert.js";
import type { Entry } from "../core/entry.js";
import type { Message } from "../core/messages.js";
import { type FieldReader, type FieldWriter, MalformedEnvelopeError } from "./fields.js";

type Kind = Message["kind"];
type MessageOf<K extends Kind> = Extract<Message, { readonly kind: K }>;

interface MessageCodec<M> {
  /** On the wire: never reuse a number. */
  readonly tag: number;
  write(message: M, fields: FieldWriter): void;
  read(fields: FieldReader): M;
}

const CODECS: { readonly [K in Kind]: MessageCodec<MessageOf<K>> } = {
  appendRequest: {
    tag: 1,
    write: (message, fields) => {
      const { term, prevIndex, prevTerm, commitIndex, entries } = message;
      fields.integer(term).integer(prevIndex).integer(prevTerm).integer(commitIndex);
      writeEntries(entries, prevIndex, fields);
    },
    read: (fields) => {
      const term = fields.integer();
      const prevIndex = fields.integer();
      const prevTerm = fields.integer();
      const commitIndex = fields.integer();
      const entries = readEntries(fields, { prevIndex, prevTerm, term });
      return { kind: "appendRequest", term, prevIndex, prevTerm, entries, commitIndex };
    },
  },
  appendAccepted: {
    tag: 2,
    write: ({ term, matchIndex }, fields) => fields.integer(term).integer(matchIndex),
    read: (fields) => ({
      kind: "appendAccepted",
      term: fields.integer(),
      matchIndex: fields.integer(),
    }),
  },
  appendRejected: {
    tag: 3,
    write: ({ term, prevIndex, hintIndex, hintTerm }, fields) =>
      fields.integer(term).integer(prevIndex).integer(hintIndex).integer(hintTerm),
    read: (fields) => ({
      kind: "appendRejected",
      term: fields.integer(),
      prevIndex: fields.integer(),
      hintIndex: fields.integer(),
      hintTerm: fields.integer(),
    }),
  },
  heartbeat: {
    tag: 4,
    write: ({ term, commitIndex, round }, fields) =>
      fields.integer(term).integer(commitIndex).integer(round),
    read: (fields) => ({
      kind: "heartbeat",
      term: fields.integer(),
      commitIndex: fields.integer(),
      round: fields.integer(),
    }),
  },
  heartbeatAck: {
    tag: 5,
    write: ({ term, round }, fields) => fields.integer(term).integer(round),
    read: (fields) => ({ kind: "heartbeatAck", term: fields.integer(), round: fields.integer() }),
  },
  voteRequest: {
    tag: 6,
    write: ({ term, preVote, transfer, lastIndex, lastTerm, commitIndex, commitTerm }, fields) =>
      fields
        .integer(term)
        .flag(preVote)
        .flag(transfer)
        .integer(lastIndex)
        .integer(lastTerm)
        .integer(commitIndex)
        .integer(commitTerm),
    read: (fields) => ({
      kind: "voteRequest",
      term: fields.integer(),
      preVote: fields.flag(),
      transfer: fields.flag(),
      lastIndex: fields.integer(),
      lastTerm: fields.integer(),
      commitIndex: fields.integer(),
      commitTerm: fields.integer(),
    }),
  },
  voteResponse: {
    tag: 7,
    write: ({ term, preVote, granted, commitIndex, commitTerm }, fields) =>
      fields.integer(term).flag(preVote).flag(granted).integer(commitIndex).integer(commitTerm),
    read: (fields) => ({
      kind: "voteResponse",
      term: fields.integer(),
      preVote: fields.flag(),
      granted: fields.flag(),
      commitIndex: fields.integer(),
      commitTerm: fields.integer(),
    }),
  },
  termNotice: {
    tag: 8,
    write: ({ term }, fields) => fields.integer(term),
    read: (fields) => ({ kind: "termNotice", term: fields.integer() }),
  },
  readRequest: {
    tag: 9,
    write: ({ term, context }, fields) => fields.integer(term).integer(context),
    read: (fields) => ({ kind: "readRequest", term: fields.integer(), context: fields.integer() }),
  },
  readResponse: {
    tag: 10,
    write: ({ term, context, index }, fields) =>
      fields.integer(term).integer(context).integer(index),
    read: (fields) => ({
      kind: "readResponse",
      term: fields.integer(),
      context: fields.integer(),
      index: fields.integer(),
    }),
  },
  proposeRequest: {
    tag: 11,
    write: ({ term, payloads }, fields) => fields.integer(term).blobs(payloads),
    read: (fields) => ({
      kind: "proposeRequest",
      term: fields.integer(),
      payloads: fields.blobs(),
    }),
  },
  proposeRefused: {
    tag: 12,
    write: ({ term, payloads }, fields) => fields.integer(term).blobs(payloads),
    read: (fields) => ({
      kind: "proposeRefused",
      term: fields.integer(),
      payloads: fields.blobs(),
    }),
  },
  timeoutNow: {
    tag: 13,
    write: ({ term }, fields) => fields.integer(term),
    read: (fields) => ({ kind: "timeoutNow", term: fields.integer() }),
  },
};

const BY_TAG: readonly (MessageCodec<Message> | undefined)[] = (() => {
  const byTag: (MessageCodec<Message> | undefined)[] = [];
  for (const codec of Object.values(CODECS)) byTag[codec.tag] = codec as MessageCodec<Message>;
  return byTag;
})();

/** Writes the tag of a message and its fields. Payloads are not copied. */
export function writeMessage(message: Message, fields: FieldWriter): void {
  const codec = CODECS[message.kind] as MessageCodec<Message>;
  codec.write(message, fields.integer(codec.tag));
}

/** Reads the message with this tag. Payloads are views. */
export function readMessage(tag: number, fields: FieldReader): Message {
  const codec = BY_TAG[tag];
  if (codec === undefined) throw new MalformedEnvelopeError(`no message has the tag ${tag}`);
  return codec.read(fields);
}

/** Indexes go without saying: entries follow one another. Terms are runs, {term, count} each. */
function writeEntries(entries: readonly Entry[], prevIndex: number, fields: FieldWriter): void {
  const runs: number[] = [];
  let last = 0;
  for (const [position, { index, term }] of entries.entries()) {
    assert(index === prevIndex + 1 + position, "entries of an append follow one another");
    if (term !== last) runs.push(term, 0);
    last = term;
    runs[runs.length - 1] = (runs[runs.length - 1] ?? 0) + 1;
  }
  fields.integers(runs).blobs(entries.map(({ payload }) => payload));
}

interface AppendFrame {
  readonly prevIndex: number;
  readonly prevTerm: number;
  readonly term: number;
}

function readEntries(fields: FieldReader, { prevIndex, prevTerm, term }: AppendFrame): Entry[] {
  const runs = fields.integers();
  const payloads = fields.blobs();
  const entries: Entry[] = [];
  let lastTerm = prevTerm;
  for (let at = 0; at < runs.length; at += 2) {
    const runTerm = runs[at] ?? 0;
    const count = runs[at + 1] ?? 0;
    if (runTerm < lastTerm || runTerm > term) {
      throw new MalformedEnvelopeError("the terms of entries are out of order");
    }
    if (count === 0 || count > payloads.length - entries.length) {
      throw new MalformedEnvelopeError("entries and their terms do not match");
    }
    for (let left = count; left > 0; left -= 1) {
      const payload = payloads[entries.length] as Uint8Array;
      entries.push({ index: prevIndex + 1 + entries.length, term: runTerm, payload });
    }
    lastTerm = runTerm;
  }
  if (entries.length !== payloads.length) {
    throw new MalformedEnvelopeError("entries and their terms do not match");
  }
  return entries;
}
