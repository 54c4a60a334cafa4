import { KeyValue } from "../../../src/shared/gen/mvccpb/kv.js";

/** The value in a stored KeyValue. */
export function readStoredValue(keyValue: Uint8Array): Uint8Array {
  return KeyValue.decode(keyValue).value;
}
