import assert from "node:assert/strict";
import { Lessor } from "../../../src/apply-worker/core/lessor.js";
import type { ApplyResult, Quota } from "../../../src/apply-worker/core/machine-context.js";
import { StateMachine } from "../../../src/apply-worker/core/state-machine.js";
import {
  AlarmRequest,
  AlarmRequest_AlarmAction,
  type AlarmType,
  CompactionRequest,
  Compare,
  DeleteRangeRequest,
  DeleteRangeResponse,
  LeaseGrantRequest,
  LeaseRevokeRequest,
  PutRequest,
  PutResponse,
  RangeRequest,
  RangeResponse,
  type RequestOp,
  TxnRequest,
  TxnResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import type { KeyValue } from "../../../src/shared/gen/mvccpb/kv.js";
import { EntryKind } from "../../../src/shared/messages/entry.js";
import { DELTA_START } from "../../../src/shared/mvcc/delta-reader.js";
import { DeltaWriter } from "../../../src/shared/mvcc/delta-writer.js";
import { KeySpace } from "../../../src/shared/mvcc/key-space.js";
import { encodeRangeBody, range } from "../../../src/shared/mvcc/range.js";
import { MapBase } from "../../store/support/map-base.js";

/** The bytes of a text. */
export function bytes(text: string): Uint8Array {
  return Buffer.from(text, "latin1");
}

/** The text of bytes. */
export function text(value: Uint8Array): string {
  return Buffer.from(value).toString("latin1");
}

/** A request with defaults for what is not given. */
export function put(key: string, value: string, more: Partial<PutRequest> = {}): PutRequest {
  return {
    key: bytes(key),
    value: bytes(value),
    lease: 0n,
    prevKv: false,
    ignoreValue: false,
    ignoreLease: false,
    ...more,
  };
}

/** A delete of one key, or of a range. */
export function del(key: string, rangeEnd = "", prevKv = false): DeleteRangeRequest {
  return { key: bytes(key), rangeEnd: bytes(rangeEnd), prevKv };
}

/** A range request. */
export function get(key: string, more: Partial<RangeRequest> = {}): RangeRequest {
  return { ...RangeRequest.decode(new Uint8Array(0)), key: bytes(key), ...more };
}

/** A txn request. */
export function txn(request: Partial<TxnRequest>): TxnRequest {
  return { compare: [], success: [], failure: [], ...request };
}

/** Ops of a txn. */
export const op = {
  put: (value: PutRequest): RequestOp => ({ request: { $case: "requestPut", value } }),
  del: (value: DeleteRangeRequest): RequestOp => ({
    request: { $case: "requestDeleteRange", value },
  }),
  get: (value: RangeRequest): RequestOp => ({ request: { $case: "requestRange", value } }),
  txn: (value: TxnRequest): RequestOp => ({ request: { $case: "requestTxn", value } }),
};

/** A compare with defaults: version of the key equals 0. */
export function compare(key: string, more: Partial<Compare>): Compare {
  return { ...Compare.decode(new Uint8Array(0)), key: bytes(key), ...more };
}

/** A KeyValue for comparing: text and numbers. */
export function plain(keyValue: KeyValue | undefined) {
  if (keyValue === undefined) return undefined;
  const { key, value, createRevision, modRevision, version, lease } = keyValue;
  return {
    key: text(key),
    value: text(value),
    create: Number(createRevision),
    mod: Number(modRevision),
    version: Number(version),
    lease: Number(lease),
  };
}

/** A state machine over a real key space and a base of maps, fed one request at a time. */
export class MachineHarness {
  readonly base = new MapBase();
  readonly writer = new DeltaWriter({ onSegment: () => {}, segmentBytes: 64 * 1024 });
  readonly space: KeySpace;
  readonly lessor = new Lessor({ heartbeatMs: 100, electionMs: 1000 });
  readonly machine: StateMachine;
  nowMs = 0;
  #index = 0;
  #checkpointedTo = DELTA_START;

  constructor(quota: Quota = { bytesMax: Number.POSITIVE_INFINITY, usedBytes: () => 0 }) {
    this.space = new KeySpace({
      base: this.base,
      writer: this.writer,
      revision: 1,
      compactRevision: -1,
      appliedIndex: 0,
    });
    this.machine = new StateMachine({
      space: this.space,
      lessor: this.lessor,
      leaseKeyBase: this,
      quota,
      appliedIndex: 0,
      appliedTerm: 0,
      stateHash: 0n,
    });
  }

  get revision(): number {
    return this.space.view.revision;
  }

  /** Moves the whole delta into the base, as a checkpoint does. */
  checkpoint(): void {
    const { view } = this.space;
    this.machine.leaseKeys.freeze();
    this.writer.reader.forEach(this.#checkpointedTo, view.end, (change) => {
      this.base.append([change]);
    });
    this.#checkpointedTo = view.end;
    view.checkpointed({ checkpointId: 1, position: view.end, revision: view.revision });
    this.machine.leaseKeys.thaw();
    this.writer.release(view.end);
  }

  /** Attached keys as the base has them: those whose newest change carries the lease. */
  visitLeaseKeys(leaseId: bigint, visit: (key: Uint8Array) => void): void {
    this.base.visitKeys(new Uint8Array(0), undefined, (key, { lease }) => {
      if (lease === leaseId) visit(key);
      return true;
    });
  }

  /** Applies raw payload bytes. */
  apply(kind: EntryKind, payload: Uint8Array): ApplyResult {
    this.#index += 1;
    const result = this.machine.apply({ index: this.#index, term: 1, kind, payload }, this.nowMs);
    assert.ok(result, "a new entry is applied");
    return result;
  }

  put(request: PutRequest) {
    const result = this.apply(EntryKind.put, PutRequest.encode(request).finish());
    return { ...result, response: PutResponse.decode(result.body) };
  }

  del(request: DeleteRangeRequest) {
    const result = this.apply(EntryKind.deleteRange, DeleteRangeRequest.encode(request).finish());
    return { ...result, response: DeleteRangeResponse.decode(result.body) };
  }

  txn(request: Partial<TxnRequest>) {
    const result = this.apply(EntryKind.txn, TxnRequest.encode(txn(request)).finish());
    return { ...result, response: TxnResponse.decode(result.body) };
  }

  compact(revision: number, physical = false): ApplyResult {
    const request = { revision: BigInt(revision), physical };
    return this.apply(EntryKind.compact, CompactionRequest.encode(request).finish());
  }

  grant(ID: bigint, TTL: bigint): ApplyResult {
    return this.apply(EntryKind.leaseGrant, LeaseGrantRequest.encode({ ID, TTL }).finish());
  }

  revoke(ID: bigint): ApplyResult {
    return this.apply(EntryKind.leaseRevoke, LeaseRevokeRequest.encode({ ID }).finish());
  }

  alarm(action: AlarmRequest_AlarmAction, memberID: bigint, alarm: AlarmType): ApplyResult {
    const request = { action, memberID, alarm };
    return this.apply(EntryKind.alarm, AlarmRequest.encode(request).finish());
  }

  activate(memberID: bigint, alarm: AlarmType): ApplyResult {
    return this.alarm(AlarmRequest_AlarmAction.ACTIVATE, memberID, alarm);
  }

  /** All keys of the range at a revision, 0 for the latest. */
  read(key: string, rangeEnd = "", revision = 0) {
    const request = get(key, { rangeEnd: bytes(rangeEnd), revision: BigInt(revision) });
    const answer = range(this.space.view, request);
    assert.ok(answer.ok);
    return RangeResponse.decode(encodeRangeBody(answer.value)).kvs.map(plain);
  }

  /** Everything that ever happened, as one line per change. */
  history(): string[] {
    const lines: string[] = [];
    this.space.view.changes(2, (change) => {
      const kind = change.tombstone ? "del" : "put";
      lines.push(`${change.main}.${change.sub} ${kind} ${text(change.key)}`);
    });
    return lines;
  }
}
