/**
 * The stored form of a key's version: mvccpb.KeyValue, byte for byte as Go's marshaller writes it (MT-35):
 *
 *     0a len key | 10 create_revision | 18 mod_revision | 20 version | 2a len value | 30 lease
 *
 * fields ascending, zero and empty fields left out. A tombstone is the key alone. Answers and events are
 * made by putting these bytes one after the other, so nothing here is encoded twice.
 */
import { StoreCorruptError } from "./types.js";
import {
  int64VarintSize,
  uvarintSize,
  VarintReader,
  writeInt64Varint,
  writeUvarint,
} from "./varint.js";

const KEY_TAG = 0x0a;
const CREATE_TAG = 0x10;
const MOD_TAG = 0x18;
const VERSION_TAG = 0x20;
const VALUE_TAG = 0x2a;
const LEASE_TAG = 0x30;

/** The fields of a KeyValue as the server holds them. */
export interface KeyValueFields {
  readonly key: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  readonly version: number;
  readonly value: Uint8Array;
  readonly lease: bigint;
}

/** Bytes that `writeKeyValue` will write. */
export function keyValueSize(fields: KeyValueFields): number {
  const { key, createRevision, modRevision, version, value, lease } = fields;
  let size = 0;
  if (key.length !== 0) size += 1 + uvarintSize(key.length) + key.length;
  if (createRevision !== 0) size += 1 + uvarintSize(createRevision);
  if (modRevision !== 0) size += 1 + uvarintSize(modRevision);
  if (version !== 0) size += 1 + uvarintSize(version);
  if (value.length !== 0) size += 1 + uvarintSize(value.length) + value.length;
  if (lease !== 0n) size += 1 + int64VarintSize(lease);
  return size;
}

/** Writes the stored form at `offset`; returns the offset after it. Key and value are copied. */
export function writeKeyValue(target: Uint8Array, offset: number, fields: KeyValueFields): number {
  let at = writeBytes(target, offset, KEY_TAG, fields.key);
  at = writeNumber(target, at, CREATE_TAG, fields.createRevision);
  at = writeNumber(target, at, MOD_TAG, fields.modRevision);
  at = writeNumber(target, at, VERSION_TAG, fields.version);
  at = writeBytes(target, at, VALUE_TAG, fields.value);
  if (fields.lease === 0n) return at;
  target[at] = LEASE_TAG;
  return writeInt64Varint(target, at + 1, fields.lease);
}

/** The stored form in a buffer of its own. */
export function encodeKeyValue(fields: KeyValueFields): Buffer {
  const target = Buffer.allocUnsafe(keyValueSize(fields));
  writeKeyValue(target, 0, fields);
  return target;
}

/** Where the key starts in a stored KeyValue, which always begins with it. */
export function storedKeyOffset(keyLength: number): number {
  return 1 + uvarintSize(keyLength);
}

/** The value of a stored KeyValue: a view of the same memory. Damaged bytes: StoreCorruptError. */
export function storedValue(keyValue: Uint8Array): Uint8Array {
  const fields = parseStored(keyValue);
  return keyValue.subarray(fields.valueOffset, fields.valueOffset + fields.valueLength);
}

/** The numbers and the key of a stored KeyValue; `value` and `key` are views of the same memory. */
export function storedFields(keyValue: Uint8Array): KeyValueFields {
  const fields = parseStored(keyValue);
  return {
    key: keyValue.subarray(fields.keyOffset, fields.keyOffset + fields.keyLength),
    createRevision: fields.createRevision,
    modRevision: fields.modRevision,
    version: fields.version,
    value: keyValue.subarray(fields.valueOffset, fields.valueOffset + fields.valueLength),
    lease: fields.lease,
  };
}

/** Offsets and numbers of one stored KeyValue. */
interface StoredLayout {
  keyOffset: number;
  keyLength: number;
  createRevision: number;
  modRevision: number;
  version: number;
  valueOffset: number;
  valueLength: number;
  lease: bigint;
}

// One of each for the thread: parsing never calls back, so nothing can see them half-filled.
const varints = new VarintReader();
const layout: StoredLayout = {
  keyOffset: 0,
  keyLength: 0,
  createRevision: 0,
  modRevision: 0,
  version: 0,
  valueOffset: 0,
  valueLength: 0,
  lease: 0n,
};

function parseStored(keyValue: Uint8Array): StoredLayout {
  clearLayout();
  varints.reset(0, keyValue.length);
  while (varints.offset < keyValue.length && varints.ok) {
    const tag = varints.read(keyValue);
    const number = varints.read(keyValue);
    if (tag === CREATE_TAG) layout.createRevision = number;
    else if (tag === MOD_TAG) layout.modRevision = number;
    else if (tag === VERSION_TAG) layout.version = number;
    else if (tag === LEASE_TAG) layout.lease = varints.int64;
    else if (tag === KEY_TAG || tag === VALUE_TAG) skipBytes(tag, number);
    else varints.ok = false;
  }
  if (!varints.ok) throw new StoreCorruptError("stored KeyValue cannot be decoded");
  return layout;
}

function skipBytes(tag: number, length: number): void {
  const offset = varints.offset;
  if (length > varints.end - offset) {
    varints.ok = false;
    return;
  }
  varints.offset = offset + length;
  if (tag === KEY_TAG) {
    layout.keyOffset = offset;
    layout.keyLength = length;
  } else {
    layout.valueOffset = offset;
    layout.valueLength = length;
  }
}

function clearLayout(): void {
  layout.keyOffset = 0;
  layout.keyLength = 0;
  layout.createRevision = 0;
  layout.modRevision = 0;
  layout.version = 0;
  layout.valueOffset = 0;
  layout.valueLength = 0;
  layout.lease = 0n;
}

function writeBytes(target: Uint8Array, offset: number, tag: number, bytes: Uint8Array): number {
  if (bytes.length === 0) return offset;
  target[offset] = tag;
  const at = writeUvarint(target, offset + 1, bytes.length);
  target.set(bytes, at);
  return at + bytes.length;
}

function writeNumber(target: Uint8Array, offset: number, tag: number, value: number): number {
  if (value === 0) return offset;
  target[offset] = tag;
  return writeUvarint(target, offset + 1, value);
}
