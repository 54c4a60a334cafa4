// Hot file: every change that somebody watches is encoded here, once.
import { storedKeyOffset } from "../../shared/mvcc/key-value.js";
import type { Change } from "../../shared/mvcc/types.js";
import { uvarintSize, writeUvarint } from "../../shared/mvcc/varint.js";

const TAG_EVENTS = 0x5a;
const TAG_TYPE = 0x08;
const TYPE_DELETE = 1;
const TAG_KV = 0x12;
const TAG_PREV_KV = 0x1a;
const TAG_MOD_REVISION = 0x18;

/**
 * One change as an mvccpb.Event, ready to stand in a WatchResponse (field 11 with tag and length). It owns
 * its bytes: delta memory may be used again while it waits.
 */
export class EncodedEvent {
  readonly main: number;
  /** The key as a latin1 string. */
  readonly keyText: string;
  /** A view of `plain`. */
  readonly key: Uint8Array;
  readonly tombstone: boolean;
  /** A put that made its key: never has a prev_kv (W-28). */
  readonly creates: boolean;
  /** Without prev_kv. */
  readonly plain: Buffer;
  readonly #bodyOffset: number;
  #withPrevious: Buffer | undefined;

  /** Copies what it needs of the change. */
  constructor(change: Change, keyText: string) {
    const { main, tombstone, keyValue, key } = change;
    this.main = main;
    this.keyText = keyText;
    this.tombstone = tombstone;
    this.creates = !tombstone && change.createRevision === main;
    const kvBytes = keyValue.length + (tombstone ? 1 + uvarintSize(main) : 0);
    const bodyBytes = (tombstone ? 2 : 0) + 1 + uvarintSize(kvBytes) + kvBytes;
    const plain = Buffer.allocUnsafe(1 + uvarintSize(bodyBytes) + bodyBytes);
    plain[0] = TAG_EVENTS;
    let at = writeUvarint(plain, 1, bodyBytes);
    this.#bodyOffset = at;
    if (tombstone) {
      plain[at++] = TAG_TYPE;
      plain[at++] = TYPE_DELETE;
    }
    plain[at] = TAG_KV;
    at = writeUvarint(plain, at + 1, kvBytes);
    plain.set(keyValue, at);
    // A stored tombstone is the key alone; its event also says when (W-25).
    if (tombstone) {
      plain[at + keyValue.length] = TAG_MOD_REVISION;
      writeUvarint(plain, at + keyValue.length + 1, main);
    }
    const keyStart = at + storedKeyOffset(key.length);
    this.key = plain.subarray(keyStart, keyStart + key.length);
    this.plain = plain;
  }

  /** With prev_kv, which `read` gives when it is needed for the first time; undefined: there is none. */
  withPrevious(read: (event: EncodedEvent) => Uint8Array | undefined): Buffer {
    if (this.#withPrevious !== undefined) return this.#withPrevious;
    const previous = this.creates ? undefined : read(this);
    this.#withPrevious = previous === undefined ? this.plain : this.#append(previous);
    return this.#withPrevious;
  }

  #append(previous: Uint8Array): Buffer {
    const body = this.plain.subarray(this.#bodyOffset);
    const bodyBytes = body.length + 1 + uvarintSize(previous.length) + previous.length;
    const event = Buffer.allocUnsafe(1 + uvarintSize(bodyBytes) + bodyBytes);
    event[0] = TAG_EVENTS;
    let at = writeUvarint(event, 1, bodyBytes);
    event.set(body, at);
    at += body.length;
    event[at] = TAG_PREV_KV;
    at = writeUvarint(event, at + 1, previous.length);
    event.set(previous, at);
    return event;
  }
}
