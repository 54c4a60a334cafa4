import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

/** A message type as the generator writes it. */
export interface DecodableType<T> {
  decode(input: BinaryReader | Uint8Array): T;
}

/**
 * Levels of nesting beyond the generated codec's own hundred: a transaction may nest as deep as its op
 * budget (T-04), at two messages a level.
 */
const EXTRA_DEPTH = 200;

/**
 * Decodes a message as gRPC must: bytes that are no message throw. The generated decoder ends in silence at a
 * tag that cannot be one (field 0, the end of a group), so the tags are walked first.
 */
export function decodeMessage<T>(type: DecodableType<T>, bytes: Uint8Array): T {
  checkTags(bytes);
  const reader = new BinaryReader(bytes);
  // Where the generated code counts how deep it is.
  Object.assign(reader, { __tsProtoDecodeDepth: -EXTRA_DEPTH });
  return type.decode(reader);
}

/** Throws unless the message is fields from end to end. */
function checkTags(bytes: Uint8Array): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (wireType === WireType.EndGroup)
      throw new Error("proto: end of a group that has no beginning");
    reader.skip(wireType, field);
    if (reader.pos > reader.len) throw new Error("unexpected EOF");
  }
}
