import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ClusterLink } from "../../src/raft-worker/cluster-link.js";
import type { RaftEvent } from "../../src/raft-worker/core/events.js";
import { AlarmRequest, AlarmType } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { ApplyToRaft } from "../../src/shared/messages/apply-to-raft.js";
import { ENTRY_HEADER_BYTES, EntryKind } from "../../src/shared/messages/entry.js";
import { encodeMembership, type Membership } from "../../src/shared/messages/membership.js";
import { RaftToApply, readSnapshotFile } from "../../src/shared/messages/raft-to-apply.js";
import { Bell } from "../../src/shared/ring/bell.js";
import { createRing } from "../../src/shared/ring/layout.js";
import { RingReader } from "../../src/shared/ring/reader.js";
import { RingWriter } from "../../src/shared/ring/writer.js";

const member = (ID: bigint, isLearner = false) => ({
  ID,
  name: "",
  peerURLs: [],
  clientURLs: [],
  isLearner,
});
const SNAPSHOT = { index: 50, term: 3, path: "/snap/50" };

/** The link of member 1 of three, with everything around it noted down. */
class Rig {
  readonly events: RaftEvent[] = [];
  readonly proposals: Uint8Array[] = [];
  readonly introduced: bigint[][] = [];
  readonly discarded: string[] = [];
  readonly differing: bigint[] = [];
  removals = 0;
  isLeader = true;
  isCorrupt = false;
  handedOver = 10;
  persistedIndex = 10;
  readonly link: ClusterLink;
  readonly #reader: RingReader;

  constructor(expected: readonly bigint[] = []) {
    const bells = { consumer: new Bell(), producer: new Bell() };
    const ring = createRing(1 << 16);
    this.#reader = new RingReader(ring, bells);
    const members = [1n, 2n, 3n].map((id) => member(id));
    const membership = { index: 10, members: expected.length > 0 ? [] : members, removed: [] };
    this.link = new ClusterLink(
      {
        self: 1n,
        peers: {
          setMembership: (known) => this.introduced.push(known.members.map(({ ID }) => ID)),
          reportHash: () => {},
          sendSnapshot: () => {},
          discardSnapshot: (path) => this.discarded.push(path),
        },
        toApply: new RingWriter(ring, bells),
        step: (event) => this.events.push(event),
        propose: (payload) => this.proposals.push(payload),
        handedOver: () => this.handedOver,
        role: () => ({ isLeader: this.isLeader, leaderId: this.isLeader ? 1n : 2n }),
        onInstalled: (index) => {
          this.handedOver = index;
        },
        persistedIndex: () => this.persistedIndex,
        isCorrupt: () => this.isCorrupt,
        onDiffering: (id) => this.differing.push(id),
        onRemoved: () => {
          this.removals += 1;
        },
      },
      membership,
      expected.map((id) => member(id)),
    );
  }

  /** The apply worker says what the members are. */
  membership(membership: Membership): void {
    this.fromApply(ApplyToRaft.membership, Buffer.from(encodeMembership(membership)));
  }

  installed(index: number, term: number): void {
    const bytes = Buffer.alloc(16);
    bytes.writeUInt32LE(index, 0);
    bytes.writeUInt32LE(term, 8);
    this.fromApply(ApplyToRaft.snapshotInstalled, bytes);
  }

  fromApply(type: number, bytes: Buffer): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    assert.equal(this.link.onApply(type, bytes, { view, offset: 0, length: bytes.length }), true);
  }

  /** Snapshots that the apply worker was given. */
  handed(): string[] {
    const paths: string[] = [];
    this.#reader.drain((type, bytes, view, offset, length) => {
      if (type === RaftToApply.snapshot) {
        paths.push(readSnapshotFile(bytes, view, offset, length).path);
      }
    });
    return paths;
  }
}

describe("ClusterLink", () => {
  test("configures the core with voters and learners as the store has them", () => {
    const rig = new Rig();
    rig.membership({ index: 11, members: [member(1n), member(4n, true)], removed: [2n, 3n] });
    const configuration = { voters: [[1n]], learners: [4n], learnersNext: [] };
    assert.deepEqual(rig.events, [{ kind: "configured", index: 11, configuration }]);
    assert.deepEqual(rig.introduced, [[1n, 4n]]);
    assert.equal(rig.removals, 0);
  });

  test("says that this member was removed", () => {
    const rig = new Rig();
    rig.membership({ index: 11, members: [member(2n), member(3n)], removed: [1n] });
    assert.equal(rig.removals, 1);
  });

  test("keeps a roster in sight until the log has named all of it, and not longer", () => {
    const rig = new Rig([1n, 2n, 3n]);
    rig.link.introduce();
    rig.membership({ index: 1, members: [member(1n)], removed: [] });
    rig.membership({ index: 3, members: [member(1n), member(2n), member(3n)], removed: [] });
    rig.membership({ index: 9, members: [member(1n), member(2n)], removed: [] });
    const all = [1n, 2n, 3n];
    assert.deepEqual(rig.introduced, [all, all, all, [1n, 2n]]);
  });

  test("keeps a snapshot's file until the log has reached it on disk", () => {
    const rig = new Rig();
    rig.link.snapshotReceived(SNAPSHOT);
    assert.deepEqual(rig.handed(), [SNAPSHOT.path]);
    rig.link.persisted();
    rig.installed(50, 3);
    assert.deepEqual(rig.events, [{ kind: "snapshotInstalled", index: 50, term: 3 }]);
    assert.deepEqual(rig.discarded, []);
    rig.persistedIndex = 49;
    rig.link.persisted();
    assert.deepEqual(rig.discarded, []);
    rig.persistedIndex = 50;
    rig.link.persisted();
    assert.deepEqual(rig.discarded, [SNAPSHOT.path]);
  });

  test("takes one snapshot at a time, and none that the log has passed", () => {
    const rig = new Rig();
    rig.link.snapshotReceived({ index: 10, term: 3, path: "/snap/old" });
    rig.link.snapshotReceived(SNAPSHOT);
    rig.link.snapshotReceived({ index: 60, term: 3, path: "/snap/second" });
    assert.deepEqual(rig.handed(), [SNAPSHOT.path]);
    assert.deepEqual(rig.discarded, ["/snap/old", "/snap/second"]);
  });

  test("a leader raises the alarm for a member that differs, itself too", () => {
    const rig = new Rig();
    rig.link.hashReported(2n, { index: 256, hash: 5n });
    rig.link.hashReported(3n, { index: 256, hash: 5n });
    rig.link.hashReported(1n, { index: 256, hash: 6n });
    assert.deepEqual(rig.differing, [1n]);
    const [payload] = rig.proposals;
    assert.ok(payload !== undefined);
    assert.equal(payload[0], EntryKind.alarm);
    const request = AlarmRequest.decode(payload.subarray(ENTRY_HEADER_BYTES));
    assert.deepEqual([request.memberID, request.alarm], [1n, AlarmType.CORRUPT]);
  });

  test("a store that is not to be trusted is not sent", () => {
    const rig = new Rig();
    rig.isCorrupt = true;
    rig.link.sendSnapshot(2n);
    assert.deepEqual(rig.events, [{ kind: "snapshotFinished", to: 2n, index: 0, ok: false }]);
  });

  test("a follower raises no alarm, but knows what it heard when it leads later", () => {
    const rig = new Rig();
    rig.isLeader = false;
    rig.link.hashReported(2n, { index: 256, hash: 5n });
    rig.link.hashReported(3n, { index: 256, hash: 6n });
    assert.deepEqual(rig.proposals, []);
    rig.isLeader = true;
    rig.link.hashReported(1n, { index: 256, hash: 5n });
    assert.deepEqual(rig.differing, [3n]);
  });
});
