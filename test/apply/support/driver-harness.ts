import type { LeaseKeyBase } from "../../../src/apply-worker/core/lease-keys.js";
import { Lessor } from "../../../src/apply-worker/core/lessor.js";
import { StateMachine } from "../../../src/apply-worker/core/state-machine.js";
import { ApplyDriver, type Heritage } from "../../../src/apply-worker/driver.js";
import type { StorePort } from "../../../src/apply-worker/store-port.js";
import {
  ApplyToMain,
  type Checkpointed,
  type Published,
  RESULT_HEADER_BYTES,
  readCheckpointed,
  readPublished,
  readResultCode,
  readResultRequestId,
  readResultRevision,
} from "../../../src/shared/messages/apply-to-main.js";
import {
  ApplyToRaft,
  readFlushedIndex,
  readSnapshotInstalled,
  readStateHash,
} from "../../../src/shared/messages/apply-to-raft.js";
import {
  ENTRY_HEADER_BYTES,
  type EntryHeader,
  type EntryKind,
  readEntryHeader,
  writeEntryHeader,
} from "../../../src/shared/messages/entry.js";
import { decodeMembership } from "../../../src/shared/messages/membership.js";
import {
  sendCheckpointWanted,
  sendCommittedEntry,
  sendRole,
  sendSnapshotFile,
} from "../../../src/shared/messages/raft-to-apply.js";
import { DeltaWriter } from "../../../src/shared/mvcc/delta-writer.js";
import { KeySpace } from "../../../src/shared/mvcc/key-space.js";
import type { BaseReader } from "../../../src/shared/mvcc/types.js";
import { Bell } from "../../../src/shared/ring/bell.js";
import { createRing } from "../../../src/shared/ring/layout.js";
import { RingReader } from "../../../src/shared/ring/reader.js";
import { RingWriter } from "../../../src/shared/ring/writer.js";
import { BoardSlot, StatusBoard } from "../../../src/shared/status-board.js";

export const ORIGIN = 77n;
export const MEMBER_ID = 5n;

/** A message as it reached a frontend. */
export type FrontendMessage =
  | { kind: "published"; state: Published }
  | { kind: "restored"; state: Published }
  | { kind: "result"; requestId: number; revision: number; code: number; body: Uint8Array }
  | { kind: "checkpointed"; checkpoint: Checkpointed }
  | { kind: "members"; body: Uint8Array };

/** A message as it reached the Raft worker. */
export type RaftMessage =
  | { kind: "flushed"; index: number }
  | { kind: "membership"; index: number; members: bigint[]; removed: readonly bigint[] }
  | { kind: "snapshotInstalled"; index: number; term: number }
  | { kind: "stateHash"; index: number; hash: bigint }
  | { kind: "propose"; header: EntryHeader; leaderTerm: number; payload: Uint8Array };

/** Options of a harness. */
export interface DriverHarnessOptions {
  readonly store: StorePort;
  readonly base: BaseReader;
  readonly leaseKeyBase: LeaseKeyBase;
  readonly frontends?: number;
  readonly ringBytes?: number;
  readonly quotaBytes?: number;
  /** Tests that only need one lease or key set small ones. */
  readonly segmentBytes?: number;
  /** Of the life before, which a snapshot ended. */
  readonly heritage?: Heritage;
}

/** A driver with real rings, all of whose other ends are here, and a clock that the test moves. */
export class DriverHarness {
  nowMs = 1000;
  readonly board = new StatusBoard();
  readonly delta: DeltaWriter;
  readonly machine: StateMachine;
  readonly driver: ApplyDriver;
  readonly toApplyFromRaft: RingWriter;
  readonly fromApplyToRaft: RingReader;
  readonly frontends: { readonly writer: RingWriter; readonly reader: RingReader }[] = [];
  readonly segments = new Map<number, SharedArrayBuffer>();
  index: number;

  constructor(options: DriverHarnessOptions) {
    const { store, base, ringBytes = 64 * 1024, segmentBytes = 64 * 1024 } = options;
    const bell = new Bell();
    const bells = { consumer: bell, producer: bell };
    const raftIn = createRing(ringBytes);
    const raftOut = createRing(ringBytes);
    this.toApplyFromRaft = new RingWriter(raftIn, bells);
    this.fromApplyToRaft = new RingReader(raftOut, bells);
    const driverSide = Array.from({ length: options.frontends ?? 1 }, () => {
      const input = createRing(ringBytes);
      const output = createRing(ringBytes);
      this.frontends.push({
        writer: new RingWriter(input, bells),
        reader: new RingReader(output, bells),
      });
      return { reader: new RingReader(input, bells), writer: new RingWriter(output, bells) };
    });
    this.delta = new DeltaWriter({
      onSegment: (segment, buffer) => void this.segments.set(segment, buffer),
      segmentBytes,
    });
    const { revision, compactRevision, appliedIndex, appliedTerm, stateHash } = store.state;
    this.index = appliedIndex;
    let driver: ApplyDriver | undefined;
    this.machine = new StateMachine({
      space: new KeySpace({ base, writer: this.delta, revision, compactRevision, appliedIndex }),
      lessor: new Lessor({ heartbeatMs: 100, electionMs: 1000 }),
      leaseKeyBase: options.leaseKeyBase,
      quota: {
        bytesMax: options.quotaBytes ?? Number.POSITIVE_INFINITY,
        usedBytes: () => driver?.usedBytes ?? 0,
      },
      appliedIndex,
      appliedTerm,
      stateHash,
    });
    driver = new ApplyDriver({
      machine: this.machine,
      store,
      delta: this.delta,
      fromRaft: new RingReader(raftIn, bells),
      toRaft: new RingWriter(raftOut, bells),
      frontends: driverSide,
      board: this.board,
      memberId: MEMBER_ID,
      origin: ORIGIN,
      identity: new Uint8Array(16),
      commitSeconds: { observe: () => {} },
      clock: () => this.nowMs,
      wake: () => {},
      onSlowApply: () => {},
      ...(options.heritage && { heritage: options.heritage }),
    });
    this.driver = driver;
  }

  /** Puts the next entry into the ring; `requestId` 0 is an entry of another process. */
  entry(
    kind: EntryKind,
    request: Uint8Array,
    more: { requestId?: number; frontend?: number; origin?: bigint } = {},
  ): number {
    const { requestId = 0, frontend = 0, origin = requestId === 0 ? 1n : ORIGIN } = more;
    const payload = Buffer.alloc(ENTRY_HEADER_BYTES + request.length);
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    writeEntryHeader(view, 0, { kind, frontend, origin, requestId });
    payload.set(request, ENTRY_HEADER_BYTES);
    return this.rawEntry(payload);
  }

  /** Puts an entry with this payload into the ring, at the next index or a given one. */
  rawEntry(payload: Uint8Array, index = this.index + 1): number {
    this.index = Math.max(index, this.index);
    this.commit(this.index);
    sendCommittedEntry(this.toApplyFromRaft, { index, term: 1, payload });
    this.toApplyFromRaft.flush();
    return index;
  }

  /** What the Raft worker says to be committed, at the least. */
  commit(index: number): void {
    this.board.set(BoardSlot.commitIndex, Math.max(index, this.board.get(BoardSlot.commitIndex)));
  }

  role(isLeader: boolean, term = 1): void {
    sendRole(this.toApplyFromRaft, { isLeader, term });
    this.toApplyFromRaft.flush();
  }

  /** Announces a snapshot that was received. */
  snapshot(index: number): void {
    sendSnapshotFile(this.toApplyFromRaft, { index, term: 7, path: "/nowhere" });
    this.toApplyFromRaft.flush();
  }

  /** Asks for a checkpoint. */
  wantCheckpoint(): void {
    sendCheckpointWanted(this.toApplyFromRaft);
    this.toApplyFromRaft.flush();
  }

  /** Takes turns until one has nothing to do. */
  settle(): void {
    for (let turns = 0; turns < 10_000; turns++) {
      this.toApplyFromRaft.flush();
      if (!this.driver.turn().worked) return;
    }
    throw new Error("the driver does not come to rest");
  }

  /** What a frontend was sent since the last call. */
  received(frontend = 0): FrontendMessage[] {
    const messages: FrontendMessage[] = [];
    this.frontends[frontend]?.reader.drain((type, bytes, view, offset, length) => {
      if (type === ApplyToMain.published) {
        messages.push({ kind: "published", state: readPublished(view, offset) });
      } else if (type === ApplyToMain.restored) {
        messages.push({ kind: "restored", state: readPublished(view, offset) });
      } else if (type === ApplyToMain.checkpointed) {
        messages.push({ kind: "checkpointed", checkpoint: readCheckpointed(view, offset) });
      } else if (type === ApplyToMain.members) {
        messages.push({ kind: "members", body: copy(bytes, offset, length) });
      } else {
        messages.push({
          kind: "result",
          requestId: readResultRequestId(view, offset),
          revision: readResultRevision(view, offset),
          code: readResultCode(view, offset),
          body: copy(bytes, offset + RESULT_HEADER_BYTES, length - RESULT_HEADER_BYTES),
        });
      }
    });
    return messages;
  }

  /** The answers among what a frontend was sent. */
  results(frontend = 0) {
    return this.received(frontend).filter((message) => message.kind === "result");
  }

  /** What the Raft worker was sent since the last call. */
  raftReceived(): RaftMessage[] {
    const messages: RaftMessage[] = [];
    this.fromApplyToRaft.drain((type, bytes, view, offset, length) => {
      if (type === ApplyToRaft.flushed) {
        messages.push({ kind: "flushed", index: readFlushedIndex(view, offset) });
        return;
      }
      if (type === ApplyToRaft.membership) {
        const membership = decodeMembership(bytes.subarray(offset, offset + length));
        const members = membership.members.map(({ ID }) => ID);
        messages.push({ kind: "membership", ...membership, members });
        return;
      }
      if (type === ApplyToRaft.snapshotInstalled) {
        messages.push({ kind: "snapshotInstalled", ...readSnapshotInstalled(view, offset) });
        return;
      }
      if (type === ApplyToRaft.stateHash) {
        messages.push({ kind: "stateHash", ...readStateHash(view, offset) });
        return;
      }
      const header = { kind: 0, frontend: 0, origin: 0n, requestId: 0 } as EntryHeader;
      messages.push({
        kind: "propose",
        header: readEntryHeader(view, offset, header),
        leaderTerm: view.getUint32(offset + 4, true),
        payload: copy(bytes, offset + ENTRY_HEADER_BYTES, length - ENTRY_HEADER_BYTES),
      });
    });
    return messages;
  }

  /** Commits what the Raft worker was asked to propose, as it came. */
  commitProposals(): number {
    let count = 0;
    for (const message of this.raftReceived()) {
      if (message.kind !== "propose") continue;
      const payload = Buffer.alloc(ENTRY_HEADER_BYTES + message.payload.length);
      const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
      writeEntryHeader(view, 0, message.header);
      payload.set(message.payload, ENTRY_HEADER_BYTES);
      this.rawEntry(payload);
      count += 1;
    }
    return count;
  }
}

function copy(bytes: Uint8Array, offset: number, length: number): Uint8Array {
  return Uint8Array.from(bytes.subarray(offset, offset + length));
}
