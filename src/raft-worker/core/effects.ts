import type { Entry, HardState, LogPosition, MemberId } from "./entry.js";
import type { Message } from "./messages.js";

/** What a member is at the moment. */
export type RoleName = "follower" | "preCandidate" | "candidate" | "leader";

/**
 * What the shell must do, in this order. A closed list: the core does nothing by itself.
 *
 * Storage is asynchronous. Persist effects are numbered 1, 2, 3, ... and must reach the disk in that
 * order (one write may carry several); the shell answers with a `persisted` event. A message with
 * `after: n` makes a promise that the n-th write holds, and must not leave before that write is on
 * disk; `after: 0` may leave at once, so that a stalled disk delays no heartbeat.
 */
export type Effect =
  | PersistEffect
  | RoleChangedEffect
  | CommitEffect
  | SendEffect
  | ReadReadyEffect
  | ReadRefusedEffect
  | ProposalsRefusedEffect
  | SendSnapshotEffect;

/**
 * Write these entries and this hard state. Entries replace any with the same or a higher index that
 * were written before; with a `snapshot` they replace all, and the log starts anew after it. At most
 * one per step, and always first.
 */
export interface PersistEffect {
  readonly kind: "persist";
  readonly sequence: number;
  readonly snapshot: LogPosition | undefined;
  readonly entries: readonly Entry[];
  readonly hardState: HardState;
}

/** Role, term or leader are new. At most one per step. */
export interface RoleChangedEffect {
  readonly kind: "roleChanged";
  readonly role: RoleName;
  readonly term: number;
  readonly leaderId: MemberId | undefined;
}

/** Entries up to this index are committed, and on this member's disk: apply them. At most one per step. */
export interface CommitEffect {
  readonly kind: "commit";
  readonly upTo: number;
}

/** Send a message once write number `after` is on disk. */
export interface SendEffect {
  readonly kind: "send";
  readonly to: MemberId;
  readonly message: Message;
  readonly after: number;
}

/** The read may be answered from any state that has applied `index`. */
export interface ReadReadyEffect {
  readonly kind: "readReady";
  readonly id: number;
  readonly index: number;
}

/** Too many reads wait for a leader; this one does not. */
export interface ReadRefusedEffect {
  readonly kind: "readRefused";
  readonly id: number;
}

/** These payloads were not appended and never will be: no leader takes them, or not now. */
export interface ProposalsRefusedEffect {
  readonly kind: "proposalsRefused";
  readonly payloads: readonly Uint8Array[];
}

/** The member needs a snapshot: its entries were let go. Repeated only after a failure and a pause. */
export interface SendSnapshotEffect {
  readonly kind: "sendSnapshot";
  readonly to: MemberId;
}
