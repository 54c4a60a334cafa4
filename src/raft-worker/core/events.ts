import type { Configuration } from "./configuration.js";
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
  | { readonly kind: "applied"; readonly index: number }
  /**
   * The state machine has applied the configuration change at `index`, or a snapshot up to there, and
   * this is the configuration now; also when it refused the change, and so it is the one before.
   */
  | {
      readonly kind: "configured";
      readonly index: number;
      readonly configuration: Configuration;
    }
  /** The leader is to hand over to this voter, or to the best one. Without effect on other members. */
  | { readonly kind: "transferLeader"; readonly to: MemberId | undefined }
  /** The store as of `index` is on its way to the member: what follows stays in the log. */
  | { readonly kind: "snapshotStarted"; readonly to: MemberId; readonly index: number }
  /** The member holds that snapshot on its disk, or does not. A failure to start ends here, too. */
  | {
      readonly kind: "snapshotFinished";
      readonly to: MemberId;
      readonly index: number;
      readonly ok: boolean;
    }
  /** This member's own store was replaced by a snapshot; its `configured` came before. */
  | { readonly kind: "snapshotInstalled"; readonly index: number; readonly term: number }
  /** What was sent to this member lately may be lost: its stream broke. */
  | { readonly kind: "unreachable"; readonly id: MemberId }
  /** This member's own store holds everything up to here on disk. */
  | { readonly kind: "flushed"; readonly index: number };
