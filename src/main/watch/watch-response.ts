// Hot file: one of these per watcher and revision.
import {
  int64VarintSize,
  uvarintSize,
  writeInt64Varint,
  writeUvarint,
} from "../../shared/mvcc/varint.js";
import type { HeaderEncoder } from "../services/response-header.js";

const TAG_WATCH_ID = 0x10;
const TAG_COMPACT_REVISION = 0x28;
const TAG_CANCEL_REASON = 0x32;
const CREATED = Uint8Array.of(0x18, 1);
const CANCELED = Uint8Array.of(0x20, 1);
const FRAGMENT = Uint8Array.of(0x38, 1);
const NO_BYTES = new Uint8Array(0);

/** Watch id that no watcher has: refusals and progress of a whole stream carry it. */
export const NO_WATCH_ID = -1n;

/** WatchResponse messages (docs/facts/semantics.md section 8, docs/facts/errors.md section 4). */
export class WatchResponses {
  readonly #header: HeaderEncoder;
  readonly #noId: Uint8Array = watchIdField(NO_WATCH_ID);

  constructor(header: HeaderEncoder) {
    this.#header = header;
  }

  /** `id` here and below is what `watchIdField` gave. */
  created(revision: number, id: Uint8Array): Buffer {
    return this.#header.reply(revision, Buffer.concat([id, CREATED]));
  }

  /** A create that failed (W-08, W-09): created and canceled in one, no id. */
  refused(revision: number, reason: string): Buffer {
    const text = Buffer.from(reason);
    const prefix = Buffer.allocUnsafe(1 + uvarintSize(text.length));
    prefix[0] = TAG_CANCEL_REASON;
    writeUvarint(prefix, 1, text.length);
    const body = Buffer.concat([this.#noId, CREATED, CANCELED, prefix, text]);
    return this.#header.reply(revision, body);
  }

  /** The answer to a cancel (W-12). */
  canceled(revision: number, id: Uint8Array): Buffer {
    return this.#header.reply(revision, Buffer.concat([id, CANCELED]));
  }

  /** A watcher that compaction has overtaken; the header has no revision (W-30). */
  compacted(compactRevision: number, id: Uint8Array): Buffer {
    const field = Buffer.allocUnsafe(1 + uvarintSize(compactRevision));
    field[0] = TAG_COMPACT_REVISION;
    writeUvarint(field, 1, compactRevision);
    return this.#header.reply(0, Buffer.concat([id, CANCELED, field]));
  }

  /** No events (W-56). Without an id: of the whole stream (W-52). */
  progress(revision: number, id: Uint8Array = this.#noId): Buffer {
    return this.#header.reply(revision, id);
  }

  /** What stands before the events of a response. */
  beforeEvents(revision: number, id: Uint8Array, fragment = false): Buffer {
    return this.#header.reply(revision, fragment ? Buffer.concat([id, FRAGMENT]) : id);
  }
}

/** The encoded watch_id of a response; nothing for id 0. */
export function watchIdField(id: bigint): Uint8Array {
  if (id === 0n) return NO_BYTES;
  const field = Buffer.allocUnsafe(1 + int64VarintSize(id));
  field[0] = TAG_WATCH_ID;
  writeInt64Varint(field, 1, id);
  return field;
}
