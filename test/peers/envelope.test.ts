import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Packr } from "msgpackr";
import type { Message } from "../../src/raft-worker/core/messages.js";
import { ENVELOPE_BYTES } from "../../src/raft-worker/peers/bounds.js";
import { decodeEnvelope, encodeEnvelope } from "../../src/raft-worker/peers/envelope.js";
import { MalformedEnvelopeError } from "../../src/raft-worker/peers/fields.js";
import { itemBytes, type PeerItem, splitMessage } from "../../src/raft-worker/peers/items.js";
import { ErrorCode } from "../../src/shared/errors.js";
import { PeerAsk } from "../../src/shared/messages/peer-ask.js";

const number = fc.oneof(fc.nat(200), fc.nat(), fc.maxSafeNat());
const term = fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 2 ** 40 }));
const payload = fc.uint8Array({ maxLength: 200 });
const payloads = fc.array(payload, { maxLength: 20 });

/** Entries whose terms ascend within [prevTerm, term]. */
const append: fc.Arbitrary<Message> = fc
  .tuple(fc.nat({ max: 2 ** 50 }), number, fc.array(fc.tuple(term, payload), { maxLength: 20 }))
  .map(([prevIndex, commitIndex, drawn]) => {
    const terms = drawn.map(([value]) => value).sort((a, b) => a - b);
    const entries = drawn.map(([, bytes], position) => ({
      index: prevIndex + 1 + position,
      term: terms[position] ?? 0,
      payload: bytes,
    }));
    const prevTerm = Math.max(0, (terms[0] ?? 1) - 1);
    const last = terms.at(-1) ?? prevTerm;
    return { kind: "appendRequest", term: last, prevIndex, prevTerm, entries, commitIndex };
  });

type Kind = Message["kind"];
type MessageOf<K extends Kind> = Extract<Message, { readonly kind: K }>;
/** An arbitrary for each field: a new field does not compile without. */
type FieldsOf<K extends Kind> = {
  readonly [F in Exclude<keyof MessageOf<K>, "kind">]: fc.Arbitrary<MessageOf<K>[F]>;
};

function shaped<K extends Kind>(kind: K, fields: FieldsOf<K>): fc.Arbitrary<Message> {
  const model = { kind: fc.constant(kind), ...fields };
  return fc.record(model, {
    noNullPrototype: true,
  }) as fc.Arbitrary<unknown> as fc.Arbitrary<Message>;
}

const flag = fc.boolean();
/** One arbitrary per kind: a new kind of message does not compile without. */
const BY_KIND: { readonly [K in Kind]: fc.Arbitrary<Message> } = {
  appendRequest: append,
  appendAccepted: shaped("appendAccepted", { term, matchIndex: number }),
  appendRejected: shaped("appendRejected", {
    term,
    prevIndex: number,
    hintIndex: number,
    hintTerm: number,
  }),
  heartbeat: shaped("heartbeat", { term, commitIndex: number, round: number }),
  heartbeatAck: shaped("heartbeatAck", { term, round: number }),
  voteRequest: shaped("voteRequest", {
    term,
    preVote: flag,
    transfer: flag,
    lastIndex: number,
    lastTerm: number,
    commitIndex: number,
    commitTerm: number,
  }),
  voteResponse: shaped("voteResponse", {
    term,
    preVote: flag,
    granted: flag,
    commitIndex: number,
    commitTerm: number,
  }),
  termNotice: shaped("termNotice", { term }),
  readRequest: shaped("readRequest", { term, context: number }),
  readResponse: shaped("readResponse", { term, context: number, index: number }),
  proposeRequest: shaped("proposeRequest", { term, payloads }),
  proposeRefused: shaped("proposeRefused", { term, payloads }),
  timeoutNow: shaped("timeoutNow", { term }),
};

const item: fc.Arbitrary<PeerItem> = fc.oneof(
  ...Object.values(BY_KIND).map((message) =>
    message.map((drawn): PeerItem => ({ kind: "message", message: drawn })),
  ),
  fc
    .tuple(number, fc.constantFrom(...Object.values(PeerAsk)), payload)
    .map(([id, kind, bytes]): PeerItem => ({ kind: "ask", ask: { id, kind, payload: bytes } })),
  fc
    .tuple(number, fc.constantFrom(0, ...Object.values(ErrorCode)), payload)
    .map(
      ([id, code, bytes]): PeerItem => ({ kind: "answer", answer: { id, code, payload: bytes } }),
    ),
  fc
    .tuple(number, fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }))
    .map(([index, hash]): PeerItem => ({ kind: "hash", report: { index, hash } })),
);
const items = fc.array(item, { maxLength: 12 });

/** Decodes, or gives the refusal; any other error fails the test. */
function tryDecode(bytes: Uint8Array): PeerItem[] | MalformedEnvelopeError {
  try {
    return decodeEnvelope(Buffer.from(bytes));
  } catch (error) {
    assert.ok(error instanceof MalformedEnvelopeError, String(error));
    return error;
  }
}

/** An envelope with this head. */
function envelopeOf(head: Uint8Array, raw: Uint8Array = new Uint8Array(0)): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32LE(head.length, 0);
  return Buffer.concat([length, head, raw]);
}

function refusal(bytes: Buffer): string {
  const result = tryDecode(bytes);
  assert.ok(result instanceof MalformedEnvelopeError);
  return result.message;
}

describe("envelopes", () => {
  test("give back what was put in", () => {
    fc.assert(
      fc.property(items, (drawn) => {
        assert.deepEqual(decodeEnvelope(encodeEnvelope(drawn)), drawn);
      }),
      { numRuns: 500 },
    );
  });

  test("hold entries as they are, once", () => {
    const bytes = Buffer.alloc(100_000, "entry");
    const entries = [{ index: 2 ** 40, term: 3, payload: bytes }];
    const message: Message = {
      kind: "appendRequest",
      term: 3,
      prevIndex: 2 ** 40 - 1,
      prevTerm: 3,
      entries,
      commitIndex: 9,
    };
    const envelope = encodeEnvelope([{ kind: "message", message }]);
    assert.equal(envelope.indexOf(bytes), envelope.length - bytes.length);
    assert.ok(envelope.length < bytes.length + 60);
  });

  test("of random bytes are refused, never anything else", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (head) => {
        tryDecode(head);
        tryDecode(envelopeOf(head));
      }),
      { numRuns: 3000 },
    );
  });

  test("with changed, missing or additional bytes are refused or mean something", () => {
    fc.assert(
      fc.property(items, fc.nat(), fc.nat(255), (drawn, place, byte) => {
        const envelope = encodeEnvelope(drawn);
        const changed = Buffer.from(envelope);
        changed[place % changed.length] = byte;
        tryDecode(changed);
        const cut = tryDecode(envelope.subarray(0, place % envelope.length));
        assert.ok(cut instanceof MalformedEnvelopeError);
        const longer = tryDecode(Buffer.concat([envelope, Buffer.of(byte)]));
        assert.ok(longer instanceof MalformedEnvelopeError);
      }),
      { numRuns: 1000 },
    );
  });

  test("make the decoder do nothing but lists, numbers and booleans", () => {
    const packr = new Packr({ useRecords: true });
    const hostile = [
      packr.pack([{ constructor: 1 }]),
      new Packr({ useRecords: false }).pack([{ __proto__: 1, a: 2 }]),
      new Packr().pack([new Date(0)]),
      new Packr().pack(["text"]),
      new Packr().pack([null]),
      new Packr().pack([Buffer.from("bin")]),
      Buffer.from("dd7fffffff", "hex"),
      Buffer.from("dcffff", "hex"),
      Buffer.alloc(5000, 0x91),
      Buffer.from("91d47200", "hex"),
      Buffer.from("91c7", "hex"),
    ];
    for (const head of hostile) refusal(envelopeOf(head));
    assert.match(refusal(envelopeOf(Buffer.alloc(5000, 0x91))), /nested too deep/);
    assert.match(refusal(envelopeOf(Buffer.from("dd7fffffff", "hex"))), /longer than the head/);
  });

  test("with values that no member writes are refused", () => {
    const pack = (head: unknown): Buffer => new Packr({ useRecords: false }).pack(head);
    const wrong: readonly (readonly [head: unknown, reason: RegExp])[] = [
      [5, /no list/],
      [[5], /no list/],
      [[[99, 1]], /no message has the tag/],
      [[[8]], /too few fields/],
      [[[8, 1, 1]], /too many fields/],
      [[[8, 1.5]], /no non-negative integer/],
      [[[8, true]], /no non-negative integer/],
      [[[8, 2 ** 60]], /no non-negative integer/],
      [[[6, 1, 1, false, 1, 1, 1, 1]], /no boolean/],
      [[[11, 1, [7]]], /raw bytes are missing/],
      [[[64, 1, 999, 0]], /not a question/],
      [[[65, 1, 9999, 0]], /not an error code/],
      [[[66, 1, 2]], /64-bit number/],
      [[[66, 1, -2n]], /64-bit number/],
      [[[1, 5, 0, 0, 0, [6, 1], [0]]], /out of order/],
      [[[1, 5, 9, 4, 0, [3, 1], [0]]], /out of order/],
      [[[1, 5, 0, 0, 0, [5, 2], [0]]], /do not match/],
      [[[1, 5, 0, 0, 0, [5, 1], [0, 0]]], /do not match/],
      [[[1, 5, 0, 0, 0, [5, 0], []]], /do not match/],
      [[[1, 5, 0, 0, 0, [5, 2 ** 40], [0]]], /do not match/],
    ];
    for (const [head, reason] of wrong) assert.match(refusal(envelopeOf(pack(head))), reason);
  });

  test("split proposals so that each part fits, and nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(700_000), { maxLength: 8 }), (lengths) => {
        const whole = lengths.map((length, index) => new Uint8Array(length).fill(index));
        const parts = splitMessage({ kind: "proposeRequest", term: 1, payloads: whole });
        const together = parts.flatMap((part) =>
          part.kind === "proposeRequest" ? part.payloads : [],
        );
        assert.deepEqual(together, whole);
        for (const message of parts) {
          assert.ok(message.kind === "proposeRequest");
          const bytes = itemBytes({ kind: "message", message });
          assert.ok(bytes <= ENVELOPE_BYTES + 1000 || message.payloads.length === 1);
        }
      }),
      { numRuns: 100 },
    );
  });
});
