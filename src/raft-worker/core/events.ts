import type { MemberId } from "./entry.js";
import type { Message } from "./messages.js";

/** Everything that can happen to a member. One `step` of the core takes one of these. */
export type RaftEvent =
  /** First event of a member's life: committed entries are given out again, a lone voter campaigns. */
  | { readonly kind: "start" }
  /** One heartbeat interval has passed. */
  | { readonly kind: "tick" }
  /** Entries to append, in order. The arrays become the core's. */
  | { readonly kind: "propose"; readonly payloads: readonly Uint8Array[] }
  /** A read index is wanted; `id` is the caller's and comes back in readReady or readRefused. */
  | { readonly kind: "readIndex"; readonly id: number }
  /** A peer's message. */
  | { readonly kind: "message"; readonly from: MemberId; readonly message: Message }
  /** Every persist effect up to this sequence number is on disk. */
  | { readonly kind: "persisted"; readonly sequence: number }
  /** The state machine was handed every entry up to this index; the shell reads them no more. */
  | { readonly kind: "applied"; readonly index: number };
