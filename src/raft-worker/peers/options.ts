import type { PeerListenOptions } from "../../shared/control/raft-control.js";
import type { Logger } from "../../shared/logger.js";
import type { MemberId } from "../core/entry.js";
import type { Message } from "../core/messages.js";
import type { HashReport } from "../hash-check.js";
import type { PeerAnswer, PeerQuestion } from "../questions.js";

/** What other members send, and what is seen of them. Never called from within a call of the network. */
export interface PeerHandlers {
  onMessage(from: MemberId, message: Message): void;
  onAsk(from: MemberId, ask: PeerQuestion): void;
  onAnswer(from: MemberId, answer: PeerAnswer): void;
  onHash(from: MemberId, report: HashReport): void;
  /** Everything of one envelope was handed over: a turn is due. */
  onDelivered(): void;
  /** A snapshot came in, was verified and is on disk. The file is the receiver's from now on. */
  onSnapshot(snapshot: ReceivedSnapshot): void;
  /** What was sent to this member lately may be lost: its stream broke, or more came than it took. */
  onUnreachable(id: MemberId): void;
  /** This member's own store is damaged: it must not go on. */
  onDamage(error: unknown): void;
  /** Another member says that this one was removed from the cluster. It says so at every attempt. */
  onRemoved(): void;
  /** MemberListResponse without header, as this member has applied it. */
  members(): Promise<Uint8Array>;
}

/** A snapshot file and the place in the log that it stands for. */
export interface ReceivedSnapshot {
  readonly index: number;
  readonly term: number;
  readonly path: string;
}

/** How the stream of a snapshot to another member fares. */
export interface SnapshotHandlers {
  /** A store at this index is on its way. */
  started(index: number): void;
  /** The member has it on disk, or does not. */
  finished(ok: boolean): void;
}

/** What the network of a member is made of. */
export interface PeerOptions extends PeerListenOptions {
  readonly clusterId: bigint;
  readonly memberId: MemberId;
  /** Of this member's LMDB store, which is read for snapshots. */
  readonly storeDirectory: string;
  /** Where snapshots come in. Made when it is not there. */
  readonly snapshotDirectory: string;
  readonly logger: Logger;
  readonly handlers: PeerHandlers;
  /** Largest envelope taken in; PEER_MESSAGE_BYTES_MAX unless a test says otherwise. */
  readonly messageBytesMax?: number;
}

/** Whether another member is connected. */
export interface PeerConnection {
  readonly id: MemberId;
  /** Messages have been getting through to it since this time (`performance.now()`). */
  readonly activeSinceMs: number | undefined;
}
