/**
 * Response headers (docs/facts/semantics.md section 2), built without a message object: the two ids never
 * change, so their bytes are made once, and a reply is one buffer of header and stored bytes.
 */

const TAG_HEADER = 0x0a;
const TAG_CLUSTER_ID = 0x08;
const TAG_MEMBER_ID = 0x10;
const TAG_REVISION = 0x18;
const TAG_RAFT_TERM = 0x20;
const VARINT_BYTES_MAX = 10;

/** Builds replies that begin with a ResponseHeader as field 1, as every etcd response does. */
export class HeaderEncoder {
  readonly #ids: Buffer;
  readonly #raftTerm: () => number;

  /** `raftTerm` gives this member's current term (H-31). */
  constructor(ids: { clusterId: bigint; memberId: bigint }, raftTerm: () => number) {
    const scratch = Buffer.alloc(2 + 2 * VARINT_BYTES_MAX);
    let at = 0;
    scratch[at++] = TAG_CLUSTER_ID;
    at = writeVarint64(scratch, at, ids.clusterId);
    scratch[at++] = TAG_MEMBER_ID;
    at = writeVarint64(scratch, at, ids.memberId);
    this.#ids = scratch.subarray(0, at);
    this.#raftTerm = raftTerm;
  }

  /**
   * A response: header with this revision (0 leaves it out, H-15), then `length` bytes of `body` from
   * `offset`, copied.
   */
  reply(revision: number, body?: Uint8Array, offset = 0, length = body?.length ?? 0): Buffer {
    const term = this.#raftTerm();
    const headerBytes = this.#ids.length + fieldBytes(revision) + fieldBytes(term);
    // A header is at most 44 bytes, so its length is one byte.
    const reply = Buffer.allocUnsafe(2 + headerBytes + length);
    reply[0] = TAG_HEADER;
    reply[1] = headerBytes;
    reply.set(this.#ids, 2);
    let at = 2 + this.#ids.length;
    at = writeField(reply, at, TAG_REVISION, revision);
    at = writeField(reply, at, TAG_RAFT_TERM, term);
    if (body !== undefined && length > 0) reply.set(body.subarray(offset, offset + length), at);
    return reply;
  }
}

function fieldBytes(value: number): number {
  if (value === 0) return 0;
  let bytes = 2;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

function writeField(target: Buffer, start: number, tag: number, value: number): number {
  if (value === 0) return start;
  let at = start;
  target[at++] = tag;
  let rest = value;
  while (rest >= 128) {
    target[at++] = (rest % 128) | 0x80;
    rest = Math.floor(rest / 128);
  }
  target[at++] = rest;
  return at;
}

function writeVarint64(target: Buffer, start: number, value: bigint): number {
  let at = start;
  let rest = BigInt.asUintN(64, value);
  while (rest >= 128n) {
    target[at++] = Number(rest & 0x7fn) | 0x80;
    rest >>= 7n;
  }
  target[at++] = Number(rest);
  return at;
}
