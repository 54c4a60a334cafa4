/**
 * A value that names the operation that wrote it, all the way through: `<operation>:<bytes>;` over and
 * over. Two operations never write the same value, and a piece of one cannot pass for another.
 */
export function markedValue(operation: number, bytes: number): Buffer {
  return Buffer.alloc(bytes, `${operation}:${bytes};`);
}

/** `<operation>:<bytes>` of a value that is whole; else what is wrong with it. */
export function describeValue(value: Uint8Array): string {
  const bytes = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  const head = bytes.toString("latin1", 0, 40);
  const found = /^(\d+):(\d+);/.exec(head);
  const operation = Number(found?.[1]);
  const length = Number(found?.[2]);
  if (found === null || length !== bytes.length || !bytes.equals(markedValue(operation, length))) {
    return `garbled (${bytes.length} bytes, "${head}")`;
  }
  return `${operation}:${length}`;
}

/** The operation in a description of a value, undefined for a garbled one. */
export function operationIn(description: string): number | undefined {
  const found = /^(\d+):/.exec(description);
  return found === null ? undefined : Number(found[1]);
}
