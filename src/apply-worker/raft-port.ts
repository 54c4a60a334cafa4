import {
  ApplyToRaft,
  sendFlushed,
  sendSnapshotInstalled,
  sendStateHash,
} from "../shared/messages/apply-to-raft.js";
import { sendMembership } from "../shared/messages/membership.js";
import type { RingWriter } from "../shared/ring/writer.js";
import type { StateMachine } from "./core/state-machine.js";

/** What the Raft worker is told of the state machine. It ends before this worker: then nothing. */
export class RaftPort {
  readonly writer: RingWriter;

  constructor(writer: RingWriter) {
    this.writer = writer;
  }

  /** Whether it has not taken what it was sent. */
  get blocked(): boolean {
    return this.writer.blocked;
  }

  /** Moves what was sent into the ring and wakes it. */
  flush(): void {
    this.writer.flush();
  }

  /** The store is on disk up to here. */
  flushed(index: number): void {
    if (!this.writer.readerGone) sendFlushed(this.writer, index);
  }

  /**
   * The members as they are now. Due after every change of the membership, also a refused or a replayed one:
   * Raft makes no further change before it has heard of the last.
   */
  membership({ appliedIndex, members }: StateMachine): void {
    if (this.writer.readerGone) return;
    sendMembership(this.writer, ApplyToRaft.membership, {
      index: appliedIndex,
      members: members.all(),
      removed: members.removed(),
    });
  }

  /** The rolling hash as it is now. */
  stateHash({ appliedIndex, stateHash }: StateMachine): void {
    if (!this.writer.readerGone) sendStateHash(this.writer, appliedIndex, stateHash);
  }

  /** The store holds this snapshot, or something newer. */
  snapshotInstalled(position: { readonly index: number; readonly term: number }): void {
    if (!this.writer.readerGone) sendSnapshotInstalled(this.writer, position);
  }
}
