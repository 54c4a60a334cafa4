import { assert } from "../shared/assert.js";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  AlarmType,
  type Member,
} from "../shared/gen/etcdserverpb/rpc.js";
import {
  ApplyToRaft,
  readSnapshotInstalled,
  readStateHash,
} from "../shared/messages/apply-to-raft.js";
import {
  ENTRY_HEADER_BYTES,
  EntryKind,
  NO_FRONTEND,
  writeEntryHeader,
} from "../shared/messages/entry.js";
import { decodeMembership, type Membership } from "../shared/messages/membership.js";
import { sendCheckpointWanted, sendSnapshotFile } from "../shared/messages/raft-to-apply.js";
import type { RingWriter } from "../shared/ring/writer.js";
import type { Configuration } from "./core/configuration.js";
import type { MemberId } from "./core/entry.js";
import type { RaftEvent } from "./core/events.js";
import { HashCheck, type HashReport } from "./hash-check.js";
import { SnapshotCourier, type SnapshotOutbox } from "./snapshot-courier.js";

/** A store that another member sent: checked, on disk, in a file of its own. */
export interface ReceivedSnapshot {
  readonly index: number;
  readonly term: number;
  readonly path: string;
}

/** What the link needs of the member-to-member network. */
export interface ClusterPort extends SnapshotOutbox {
  setMembership(membership: Membership): void;
  reportHash(to: MemberId, report: HashReport): void;
  /** The store in the file was taken over: the file may go. */
  discardSnapshot(path: string): void;
}

/** What the link is made of. */
export interface ClusterLinkOptions {
  readonly self: MemberId;
  readonly peers: ClusterPort;
  readonly toApply: RingWriter;
  /** Gives the core an event and carries the effects out. */
  readonly step: (event: RaftEvent) => void;
  /** Proposes an entry of this member's own making. */
  readonly propose: (payload: Uint8Array) => void;
  /** Everything up to here was handed to the apply worker. */
  readonly handedOver: () => number;
  readonly role: () => { readonly isLeader: boolean; readonly leaderId: MemberId | undefined };
  /** A snapshot at this index is in the store: entries up to it are not handed over any more. */
  readonly onInstalled: (index: number) => void;
  /** How far this member's log is on disk. */
  readonly persistedIndex: () => number;
  /** An alarm says that this member's store differs from the others'. */
  readonly isCorrupt: () => boolean;
  /** This member's store differs from a majority's, or another's does. */
  readonly onDiffering: (id: MemberId, index: number) => void;
  /** This member was removed from the cluster. */
  readonly onRemoved: () => void;
}

/**
 * What belongs to a group beside its log: who is in it, stores sent to members that lag and taken over from
 * others, and whether all hold the same.
 */
export class ClusterLink {
  readonly #options: ClusterLinkOptions;
  readonly #courier: SnapshotCourier;
  readonly #hashes = new HashCheck();
  #membership: Membership;
  /** Members that the store has not named yet; none once it has named them all. */
  #expected: readonly Member[];
  /** Until it is in the store and the log begins after it, both on disk. */
  #received: ReceivedSnapshot | undefined;
  /** It is in the store. */
  #isInstalled = false;

  /**
   * `membership` is what the store held at the start, `expected` whom a new member was told of: a new
   * cluster's members are named by its log one by one, and must not lose sight of each other meanwhile.
   */
  constructor(options: ClusterLinkOptions, membership: Membership, expected: readonly Member[]) {
    const { peers, step, toApply } = options;
    this.#options = options;
    this.#membership = membership;
    this.#expected = expected;
    this.#courier = new SnapshotCourier(peers, {
      checkpointWanted: () => sendCheckpointWanted(toApply),
      started: (to, index) => step({ kind: "snapshotStarted", to, index }),
      finished: (to, index, ok) => step({ kind: "snapshotFinished", to, index, ok }),
    });
  }

  /** The members as this member has applied them. */
  get membership(): Membership {
    return this.#membership;
  }

  /** Tells the network whom it may expect. */
  introduce(): void {
    const { members, removed } = this.#membership;
    const isNamed = ({ ID }: Member): boolean =>
      removed.includes(ID) || members.some((member) => member.ID === ID);
    this.#expected = this.#expected.every(isNamed) ? [] : this.#expected;
    const unnamed = this.#expected.filter((member) => !isNamed(member));
    this.#options.peers.setMembership({ ...this.#membership, members: [...members, ...unnamed] });
  }

  /** The log cannot help this member any more: it gets the store, unless that is not to be trusted. */
  sendSnapshot(to: MemberId): void {
    if (this.#options.isCorrupt()) {
      this.#options.step({ kind: "snapshotFinished", to, index: 0, ok: false });
    } else this.#courier.send(to);
  }

  /** Another leader, or none. */
  leaderChanged(): void {
    this.#hashes.leaderChanged();
  }

  /** This member's store holds everything up to `index` on disk. */
  flushed(index: number): void {
    this.#courier.checkpointed();
    this.#options.step({ kind: "flushed", index });
  }

  /** Another member sent its store. */
  snapshotReceived(snapshot: ReceivedSnapshot): void {
    if (this.#received !== undefined || snapshot.index <= this.#options.handedOver()) {
      this.#options.peers.discardSnapshot(snapshot.path);
      return;
    }
    this.#received = snapshot;
    sendSnapshotFile(this.#options.toApply, snapshot);
    this.#options.toApply.flush();
  }

  /** The log got further on disk. Where it has reached the store, a crash needs the snapshot's file no more. */
  persisted(): void {
    const { peers, persistedIndex } = this.#options;
    const received = this.#received;
    if (received === undefined || !this.#isInstalled) return;
    if (persistedIndex() < received.index) return;
    this.#received = undefined;
    this.#isInstalled = false;
    peers.discardSnapshot(received.path);
  }

  /** Another member says what it holds. */
  hashReported(from: MemberId, report: HashReport): void {
    const { isLeader } = this.#options.role();
    const group = this.#membership.members.map(({ ID }) => ID);
    const differing = this.#hashes.add(from, report, group);
    if (!isLeader) return;
    for (const id of differing) {
      this.#hashes.named(id, report.index);
      this.#options.onDiffering(id, report.index);
      this.#options.propose(corruptAlarm(id));
    }
  }

  /** Takes a message of the apply worker; false when it is none of these. */
  onApply(type: number, bytes: Buffer, at: { view: DataView; offset: number; length: number }) {
    const { view, offset, length } = at;
    if (type === ApplyToRaft.membership) {
      this.#configure(decodeMembership(bytes.subarray(offset, offset + length)));
    } else if (type === ApplyToRaft.snapshotInstalled) {
      this.#installed(readSnapshotInstalled(view, offset));
    } else if (type === ApplyToRaft.stateHash) {
      this.#reportHash(readStateHash(view, offset));
    } else return false;
    return true;
  }

  #installed(position: { readonly index: number; readonly term: number }): void {
    const { step, onInstalled } = this.#options;
    assert(
      this.#received?.index === position.index,
      "a snapshot was taken over that nobody sent",
      position,
    );
    onInstalled(position.index);
    step({ kind: "snapshotInstalled", ...position });
    this.#isInstalled = true;
    this.persisted();
  }

  #configure(membership: Membership): void {
    const { self, step, onRemoved } = this.#options;
    this.#membership = membership;
    this.introduce();
    step({
      kind: "configured",
      index: membership.index,
      configuration: configurationOf(membership),
    });
    if (membership.removed.includes(self)) onRemoved();
  }

  #reportHash(report: HashReport): void {
    const { self, peers, role } = this.#options;
    const { leaderId } = role();
    if (leaderId !== undefined && leaderId !== self) peers.reportHash(leaderId, report);
    this.hashReported(self, report);
  }
}

/** The core's view of a membership. */
export function configurationOf({ members }: Membership): Configuration {
  return {
    voters: [members.filter(({ isLearner }) => !isLearner).map(({ ID }) => ID)],
    learners: members.filter(({ isLearner }) => isLearner).map(({ ID }) => ID),
    learnersNext: [],
  };
}

/** The entry that raises a CORRUPT alarm for a member. */
function corruptAlarm(memberID: MemberId): Uint8Array {
  const request = AlarmRequest.encode({
    action: AlarmRequest_AlarmAction.ACTIVATE,
    memberID,
    alarm: AlarmType.CORRUPT,
  }).finish();
  const payload = new Uint8Array(ENTRY_HEADER_BYTES + request.length);
  const header = { kind: EntryKind.alarm, frontend: NO_FRONTEND, origin: 0n, requestId: 0 };
  writeEntryHeader(new DataView(payload.buffer), 0, header);
  payload.set(request, ENTRY_HEADER_BYTES);
  return payload;
}
