import type { ErrorCode } from "../errors.js";
import type { RingWriter } from "../ring/writer.js";
import { getUint53, putUint53 } from "./fields.js";

/** What the apply worker tells a frontend. */
export const ApplyToMain = {
  /**
   * Answer to a proposal or query of this frontend: {requestId u64, revision u64, code u32,
   * body: the response message without its header field}. Code 0 is success.
   */
  result: 1,
  /** A new state may be read (layout: `Published`). Always sent before the results of its entries. */
  published: 2,
  /**
   * An LMDB transaction was committed; renew the read view, drop the delta up to `position`, then send
   * `released`: {checkpointId u64, segment u32, offset u32, revision u64}.
   */
  checkpointed: 3,
  /** The members changed: a MemberListResponse without its header field. */
  members: 4,
  /**
   * A snapshot took the place of the store (layout: `Published`). The delta before `end` is void; renew the
   * read view; watchers catch up from history.
   */
  restored: 5,
} as const;

/** Bytes of a `result` before its body. */
export const RESULT_HEADER_BYTES = 20;

/** A place in the delta: segment number (ascending, never reused) and byte offset in it. */
export interface DeltaPosition {
  readonly segment: number;
  readonly offset: number;
}

/** The state that readers may see: everything applied up to `appliedIndex`. */
export interface Published {
  readonly appliedIndex: number;
  readonly revision: number;
  /** Reads below it are refused; -1 before the first compaction (M-10). */
  readonly compactRevision: number;
  /** End of the delta records that belong to this state. */
  readonly end: DeltaPosition;
}

/** A checkpoint: LMDB now holds every record before `position`. */
export interface Checkpointed {
  readonly checkpointId: number;
  readonly position: DeltaPosition;
  readonly revision: number;
}

/** Answers a request. `body` is copied. */
export function sendResult(
  writer: RingWriter,
  result: {
    readonly requestId: number;
    readonly revision: number;
    readonly code: ErrorCode | 0;
    readonly body: Uint8Array;
  },
): void {
  const offset = writer.begin(ApplyToMain.result, RESULT_HEADER_BYTES + result.body.length);
  putUint53(writer.view, offset, result.requestId);
  putUint53(writer.view, offset + 8, result.revision);
  writer.view.setUint32(offset + 16, result.code, true);
  writer.bytes.set(result.body, offset + RESULT_HEADER_BYTES);
  writer.end();
}

/** Request id of a `result`. */
export function readResultRequestId(view: DataView, offset: number): number {
  return getUint53(view, offset);
}

/** Header revision of a `result`. */
export function readResultRevision(view: DataView, offset: number): number {
  return getUint53(view, offset + 8);
}

/** Code of a `result`, 0 for success. */
export function readResultCode(view: DataView, offset: number): ErrorCode | 0 {
  return view.getUint32(offset + 16, true) as ErrorCode | 0;
}

/** Publishes a state, or (`ApplyToMain.restored`) one that a snapshot brought. */
export function sendPublished(
  writer: RingWriter,
  state: Published,
  type: typeof ApplyToMain.published | typeof ApplyToMain.restored = ApplyToMain.published,
): void {
  const offset = writer.begin(type, 32);
  putUint53(writer.view, offset, state.appliedIndex);
  putUint53(writer.view, offset + 8, state.revision);
  // Shifted by one: -1 means "never compacted".
  putUint53(writer.view, offset + 16, state.compactRevision + 1);
  writer.view.setUint32(offset + 24, state.end.segment, true);
  writer.view.setUint32(offset + 28, state.end.offset, true);
  writer.end();
}

/** Reads a `published`. */
export function readPublished(view: DataView, offset: number): Published {
  return {
    appliedIndex: getUint53(view, offset),
    revision: getUint53(view, offset + 8),
    compactRevision: getUint53(view, offset + 16) - 1,
    end: {
      segment: view.getUint32(offset + 24, true),
      offset: view.getUint32(offset + 28, true),
    },
  };
}

/** Announces a checkpoint. */
export function sendCheckpointed(writer: RingWriter, checkpoint: Checkpointed): void {
  const offset = writer.begin(ApplyToMain.checkpointed, 24);
  putUint53(writer.view, offset, checkpoint.checkpointId);
  writer.view.setUint32(offset + 8, checkpoint.position.segment, true);
  writer.view.setUint32(offset + 12, checkpoint.position.offset, true);
  putUint53(writer.view, offset + 16, checkpoint.revision);
  writer.end();
}

/** Reads a `checkpointed`. */
export function readCheckpointed(view: DataView, offset: number): Checkpointed {
  return {
    checkpointId: getUint53(view, offset),
    position: {
      segment: view.getUint32(offset + 8, true),
      offset: view.getUint32(offset + 12, true),
    },
    revision: getUint53(view, offset + 16),
  };
}
