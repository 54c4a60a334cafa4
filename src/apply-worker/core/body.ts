import { BodyWriter } from "../../shared/response-body.js";

/** A PutResponse without header (P-02, P-03). */
export function putBody(previous: Uint8Array | undefined): BodyWriter {
  const body = new BodyWriter();
  if (previous !== undefined) body.bytes(2, previous);
  return body;
}

/** A DeleteRangeResponse without header (D-02, D-04). */
export function deleteRangeBody(deleted: {
  readonly count: number;
  readonly previous: readonly Uint8Array[];
}): BodyWriter {
  const body = new BodyWriter();
  body.integer(2, deleted.count);
  for (const keyValue of deleted.previous) body.bytes(3, keyValue);
  return body;
}
