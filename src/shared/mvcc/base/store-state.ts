import { getUint53, putUint53 } from "../../messages/fields.js";
import { damaged } from "./checksum.js";
import { asView } from "./row-keys.js";
import { MetaRow } from "./store-format.js";

/** Where the store stands: one row, written in the same transaction as what it speaks of. */
export interface StoreState {
  /** The last Raft entry that is in the store, 0 for none, and its term. */
  readonly appliedIndex: number;
  readonly appliedTerm: number;
  /** Every change with main <= this is in the store (M-01: 1 when empty). */
  readonly revision: number;
  /** Reads below it are refused; -1 before the first compaction (M-10). */
  readonly compactRevision: number;
  /** What a compaction to this revision removes is gone; -1 before the first. Never above compactRevision. */
  readonly finishedCompactRevision: number;
  /** The next id for a long key or a history. Ids are never reused. */
  readonly nextId: number;
  /** Rolling hash of everything applied up to `appliedIndex`, unsigned 64 bits. */
  readonly stateHash: bigint;
}

/** The state of an empty store. */
export const EMPTY_STATE: StoreState = {
  appliedIndex: 0,
  appliedTerm: 0,
  revision: 1,
  compactRevision: -1,
  finishedCompactRevision: -1,
  nextId: 1,
  stateHash: 0n,
};

const STATE_BYTES = 56;

/** The body of the state row: seven u64 little endian, the compact revisions plus one. */
export function encodeStoreState(state: StoreState): Buffer {
  const body = Buffer.alloc(STATE_BYTES);
  const view = asView(body);
  putUint53(view, 0, state.appliedIndex);
  putUint53(view, 8, state.appliedTerm);
  putUint53(view, 16, state.revision);
  putUint53(view, 24, state.compactRevision + 1);
  putUint53(view, 32, state.finishedCompactRevision + 1);
  putUint53(view, 40, state.nextId);
  view.setBigUint64(48, state.stateHash, true);
  return body;
}

/** Decodes the body of the state row, whose checksum was right. */
export function decodeStoreState(body: Uint8Array): StoreState {
  if (body.length !== STATE_BYTES) throw damaged("meta", MetaRow.state, "state has a wrong size");
  const view = asView(body);
  return {
    appliedIndex: getUint53(view, 0),
    appliedTerm: getUint53(view, 8),
    revision: getUint53(view, 16),
    compactRevision: getUint53(view, 24) - 1,
    finishedCompactRevision: getUint53(view, 32) - 1,
    nextId: getUint53(view, 40),
    stateHash: view.getBigUint64(48, true),
  };
}
