import assert from "node:assert/strict";
import {
  MessageChannel,
  type MessagePort,
  receiveMessageOnPort,
  Worker,
} from "node:worker_threads";
import type { Remote } from "comlink";
import type {
  ApplyControl,
  ApplyWorkerData,
  DeltaSegmentMessage,
} from "../../../src/shared/control/apply-control.js";
import { connectControl } from "../../../src/shared/control/endpoint.js";
import { D14_SECONDS, SharedHistogram } from "../../../src/shared/histogram.js";
import {
  ApplyToMain,
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
  type EntryKind,
  writeEntryHeader,
} from "../../../src/shared/messages/entry.js";
import {
  MainToApply,
  sendHashQuery,
  sendLeaseQuery,
  sendNumber,
} from "../../../src/shared/messages/main-to-apply.js";
import { decodeMembership } from "../../../src/shared/messages/membership.js";
import {
  sendCheckpointWanted,
  sendCommittedEntry,
  sendRole,
  sendSnapshotFile,
} from "../../../src/shared/messages/raft-to-apply.js";
import { LmdbBaseReader } from "../../../src/shared/mvcc/base/lmdb-base-reader.js";
import { DeltaReader } from "../../../src/shared/mvcc/delta-reader.js";
import { ReadView } from "../../../src/shared/mvcc/read-view.js";
import { Bell } from "../../../src/shared/ring/bell.js";
import { createRing } from "../../../src/shared/ring/layout.js";
import { RingReader } from "../../../src/shared/ring/reader.js";
import { RingWriter } from "../../../src/shared/ring/writer.js";
import { BoardSlot, StatusBoard } from "../../../src/shared/status-board.js";
import { decodeLogRecord } from "../../../src/shared/worker-logger.js";

const ORIGIN = 4711n;
const RING_BYTES = 256 * 1024;
const DEADLINE_MS = 60_000;

/** An answer as frontend 0 got it. */
export interface WorkerAnswer {
  readonly code: number;
  readonly revision: number;
  readonly body: Uint8Array;
}

/** A real apply worker on a directory; this thread plays its Raft worker and its one frontend. */
export class WorkerHarness {
  readonly worker: Worker;
  readonly control: Remote<ApplyControl>;
  readonly board = new StatusBoard();
  readonly #bell = new Bell();
  readonly #toApply: { readonly raft: RingWriter; readonly frontend: RingWriter };
  readonly #fromApply: { readonly raft: RingReader; readonly frontend: RingReader };
  readonly #segments: MessagePort;
  readonly #logs: MessagePort;
  readonly #directory: string;
  readonly #answers = new Map<number, (answer: WorkerAnswer) => void>();
  view: ReadView | undefined;
  #base: LmdbBaseReader | undefined;
  readonly failed: Promise<Error>;
  flushedIndex = 0;
  flushes = 0;
  checkpoints = 0;
  /** What the Raft worker was told beside `flushed`, a line each. */
  readonly raftLines: string[] = [];
  readonly stateHashes = new Map<number, bigint>();
  #index = 0;
  #requestId = 0;
  #pumping = true;
  #pump: Promise<void> | undefined;

  constructor(directory: string, more: Partial<ApplyWorkerData> = {}) {
    this.#directory = directory;
    const applyBell = new Bell();
    const rings = {
      fromRaft: createRing(RING_BYTES),
      toRaft: createRing(RING_BYTES),
      fromFrontends: [createRing(RING_BYTES)],
      toFrontends: [createRing(RING_BYTES)],
    };
    const inward = { consumer: applyBell, producer: this.#bell };
    const outward = { consumer: this.#bell, producer: applyBell };
    const [from, to] = [rings.fromFrontends[0], rings.toFrontends[0]];
    assert.ok(from && to);
    this.#toApply = {
      raft: new RingWriter(rings.fromRaft, inward),
      frontend: new RingWriter(from, inward),
    };
    this.#fromApply = {
      raft: new RingReader(rings.toRaft, outward),
      frontend: new RingReader(to, outward),
    };
    const segments = new MessageChannel();
    const logs = new MessageChannel();
    this.#segments = segments.port1;
    this.#logs = logs.port1;
    const workerData: ApplyWorkerData = {
      directory,
      clusterId: 1n,
      memberId: 2n,
      hasLog: true,
      origin: ORIGIN,
      heartbeatMs: 100,
      electionMs: 1000,
      quotaBytes: 0,
      board: this.board.buffer,
      commitSeconds: new SharedHistogram(D14_SECONDS).buffer,
      bells: {
        raft: this.#bell.buffer,
        apply: applyBell.buffer,
        frontends: [this.#bell.buffer],
      },
      rings,
      segmentPorts: [segments.port2],
      logPort: logs.port2,
      logLevel: "warn",
      ...more,
    };
    const script = new URL("../../../src/apply-worker/worker.js", import.meta.url);
    const transferList = [segments.port2, logs.port2];
    this.worker = new Worker(script, { workerData, transferList });
    this.failed = new Promise((resolve) => this.worker.once("error", resolve));
    this.control = connectControl<ApplyControl>(this.worker);
  }

  /** Opens and starts the worker, and a reading view beside it. */
  async start(
    options: { readonly snapshotFile?: string } = {},
  ): Promise<Awaited<ReturnType<ApplyControl["open"]>>> {
    const opened = await this.control.open(options);
    this.#index = opened.appliedIndex;
    this.#base = LmdbBaseReader.open(this.#directory);
    const { revision, compactRevision, appliedIndex } = opened;
    const delta = new DeltaReader();
    this.view = new ReadView({ base: this.#base, delta, revision, compactRevision, appliedIndex });
    await this.control.start();
    this.#pump = this.#run();
    return opened;
  }

  /** Commits an entry and waits for its answer. */
  apply(kind: EntryKind, request: Uint8Array): Promise<WorkerAnswer> {
    const requestId = this.#nextId();
    this.commit(kind, request, requestId);
    return this.#answer(requestId);
  }

  /** Commits an entry; the ring's backlog stands for the Raft worker's log. */
  commit(kind: EntryKind, request: Uint8Array, requestId = this.#nextId()): void {
    this.#index += 1;
    const payload = Buffer.alloc(ENTRY_HEADER_BYTES + request.length);
    const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
    writeEntryHeader(view, 0, { kind, frontend: 0, origin: ORIGIN, requestId });
    payload.set(request, ENTRY_HEADER_BYTES);
    this.board.set(BoardSlot.commitIndex, this.#index);
    sendCommittedEntry(this.#toApply.raft, { index: this.#index, term: 1, payload });
    this.#toApply.raft.flush();
  }

  /** Goes back in the log, as a Raft worker does that knows of less than the store has applied. */
  rewind(index: number): void {
    this.#index = index;
  }

  /** Announces a snapshot file, and goes on in the log behind it. */
  snapshot(snapshot: {
    readonly index: number;
    readonly term: number;
    readonly path: string;
  }): void {
    sendSnapshotFile(this.#toApply.raft, snapshot);
    this.#toApply.raft.flush();
    this.#index = Math.max(this.#index, snapshot.index);
  }

  /** Asks for a checkpoint, as the Raft worker does before it sends a snapshot; waits for its answer. */
  async checkpoint(): Promise<void> {
    const before = this.flushes;
    sendCheckpointWanted(this.#toApply.raft);
    this.#toApply.raft.flush();
    await this.until(() => this.flushes > before, "an answer to the wish for a checkpoint");
  }

  role(isLeader: boolean): void {
    sendRole(this.#toApply.raft, { isLeader, term: 1 });
    this.#toApply.raft.flush();
  }

  /** What the worker has logged since the last call, with the message first. */
  logged(): [message: string, fields: Record<string, unknown>][] {
    const lines: [string, Record<string, unknown>][] = [];
    for (;;) {
      const received = receiveMessageOnPort(this.#logs);
      if (received === undefined) return lines;
      const record = decodeLogRecord(received.message);
      assert.ok(record, "a log record");
      lines.push([record.message, record.fields]);
    }
  }

  hash(
    type: typeof MainToApply.hash | typeof MainToApply.hashKv,
    revision: number,
  ): Promise<WorkerAnswer> {
    const requestId = this.#nextId();
    sendHashQuery(this.#toApply.frontend, { type, requestId, revision: BigInt(revision) });
    this.#toApply.frontend.flush();
    return this.#answer(requestId);
  }

  timeToLive(leaseId: bigint): Promise<WorkerAnswer> {
    const requestId = this.#nextId();
    const type = MainToApply.leaseTimeToLive;
    sendLeaseQuery(this.#toApply.frontend, { type, requestId, leaseId, flag: true });
    this.#toApply.frontend.flush();
    return this.#answer(requestId);
  }

  defragment(): Promise<WorkerAnswer> {
    const requestId = this.#nextId();
    sendNumber(this.#toApply.frontend, MainToApply.defragment, requestId);
    this.#toApply.frontend.flush();
    return this.#answer(requestId);
  }

  /** Waits until a condition holds, looking after each message. */
  async until(condition: () => boolean, what: string): Promise<void> {
    const deadline = Date.now() + DEADLINE_MS;
    while (!condition()) {
      assert.ok(Date.now() < deadline, `${what} within the deadline`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  }

  /** Ends in order: everything is on disk afterwards. */
  async stop(): Promise<void> {
    await this.#endReading();
    await this.control.stop();
    await this.worker.terminate();
  }

  /** Ends at once, as a process does that was killed; what was not flushed is lost. */
  async kill(): Promise<void> {
    await this.#endReading();
    await this.worker.terminate();
  }

  async #endReading(): Promise<void> {
    this.#pumping = false;
    this.#bell.ring();
    await this.#pump;
    await this.#base?.close();
    this.#segments.close();
    this.#logs.close();
  }

  #nextId(): number {
    this.#requestId += 1;
    return this.#requestId;
  }

  async #answer(requestId: number): Promise<WorkerAnswer> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`no answer to ${requestId}`)), DEADLINE_MS);
    });
    const answer = new Promise<WorkerAnswer>((resolve) => this.#answers.set(requestId, resolve));
    try {
      return await Promise.race([answer, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  async #run(): Promise<void> {
    while (this.#pumping) {
      const seen = this.#bell.count();
      this.#toApply.raft.flush();
      this.#fromApply.raft.drain((...message) => this.#onRaftMessage(...message));
      this.#fromApply.frontend.drain((...message) => this.#onMessage(...message));
      this.#toApply.frontend.flush();
      await this.#bell.wait(seen, 20);
    }
  }

  #onRaftMessage(type: number, bytes: Buffer, view: DataView, offset: number, size: number): void {
    if (type === ApplyToRaft.flushed) {
      this.flushedIndex = readFlushedIndex(view, offset);
      this.flushes += 1;
    } else if (type === ApplyToRaft.membership) {
      const { index, members, removed } = decodeMembership(bytes.subarray(offset, offset + size));
      const ids = members.map(({ ID }) => ID);
      this.raftLines.push(`membership ${index}: ${ids.join()} without ${removed.join()}`);
    } else if (type === ApplyToRaft.snapshotInstalled) {
      const { index, term } = readSnapshotInstalled(view, offset);
      this.raftLines.push(`snapshot installed ${index} ${term}`);
    } else if (type === ApplyToRaft.stateHash) {
      const { index, hash } = readStateHash(view, offset);
      this.stateHashes.set(index, hash);
    }
  }

  #onMessage(type: number, bytes: Buffer, view: DataView, offset: number, length: number): void {
    const own = this.view;
    assert.ok(own, "the harness was started");
    if (type === ApplyToMain.published) {
      this.#takeSegments(own);
      own.publish(readPublished(view, offset));
    } else if (type === ApplyToMain.restored) {
      this.#takeSegments(own);
      assert.ok(own.restored(readPublished(view, offset)), "the reader shows the new store");
    } else if (type === ApplyToMain.checkpointed) {
      const checkpoint = readCheckpointed(view, offset);
      assert.ok(own.checkpointed(checkpoint), "the reader shows a checkpoint that was announced");
      own.delta.dropBefore(checkpoint.position);
      this.checkpoints += 1;
      sendNumber(this.#toApply.frontend, MainToApply.released, checkpoint.checkpointId);
    } else if (type === ApplyToMain.result) {
      this.#answers.get(readResultRequestId(view, offset))?.({
        code: readResultCode(view, offset),
        revision: readResultRevision(view, offset),
        body: Uint8Array.from(bytes.subarray(offset + RESULT_HEADER_BYTES, offset + length)),
      });
    }
  }

  #takeSegments(view: ReadView): void {
    for (;;) {
      const received = receiveMessageOnPort(this.#segments);
      if (received === undefined) return;
      const { segment, buffer } = received.message as DeltaSegmentMessage;
      view.delta.addSegment(segment, buffer);
    }
  }
}
