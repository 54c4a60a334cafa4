import type { ReadView } from "../../shared/mvcc/read-view.js";
import type { EncodedEvent } from "./encoded-event.js";

/**
 * The key's state before the revision of an event, for prev_kv (W-28); undefined when it did not exist or is
 * compacted. The array is valid in the same turn only.
 */
export function previousValue(view: ReadView, event: EncodedEvent): Uint8Array | undefined {
  const before = event.main - 1;
  return before < view.compactRevision ? undefined : view.keyValueAt(event.key, before);
}
