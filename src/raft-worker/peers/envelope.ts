// Hot file: once per batch of messages to or from another member.
import { Packr, Unpackr } from "msgpackr";
import {
  type Field,
  FieldReader,
  FieldWriter,
  MalformedEnvelopeError,
  RawBytes,
} from "./fields.js";
import { type PeerItem, readItem, writeItem } from "./items.js";
import { checkPlain } from "./plain-msgpack.js";

/** {bytes of the head u32 LE}{head: msgpack}{raw bytes, in the order in which the head gives their lengths}. */
const HEAD_AT = 4;

const packr = new Packr({ useRecords: false });
const unpackr = new Unpackr({ useRecords: false });

/** One envelope with all of the items, in order. Entries' payloads are copied once and not encoded. */
export function encodeEnvelope(items: readonly PeerItem[]): Buffer {
  const raw: Uint8Array[] = [];
  const fields = items.map((item): readonly Field[] => {
    const writer = new FieldWriter(raw);
    writeItem(item, writer);
    return writer.fields;
  });
  const head = packr.pack(fields);
  let offset = HEAD_AT + head.length;
  const envelope = Buffer.allocUnsafe(raw.reduce((sum, { length }) => sum + length, offset));
  envelope.writeUInt32LE(head.length, 0);
  envelope.set(head, HEAD_AT);
  for (const bytes of raw) {
    envelope.set(bytes, offset);
    offset += bytes.length;
  }
  return envelope;
}

/**
 * The items of an envelope. Payloads are views of its memory. Throws a MalformedEnvelopeError on bytes
 * that `encodeEnvelope` does not make.
 */
export function decodeEnvelope(envelope: Buffer): PeerItem[] {
  if (envelope.length < HEAD_AT) throw new MalformedEnvelopeError("it has no head");
  const end = HEAD_AT + envelope.readUInt32LE(0);
  if (end > envelope.length) throw new MalformedEnvelopeError("its head is cut off");
  checkPlain(envelope, HEAD_AT, end);
  const items: unknown = unpackr.unpack(envelope.subarray(HEAD_AT, end));
  if (!Array.isArray(items)) throw new MalformedEnvelopeError("its head is no list");
  const raw = new RawBytes(envelope, end);
  const decoded = items.map((item) => readItem(new FieldReader(item, raw)));
  raw.end();
  return decoded;
}
