import type {
  Checkpointed,
  DeltaPosition,
  Published,
} from "../../../src/shared/messages/apply-to-main.js";
import { DeltaReader } from "../../../src/shared/mvcc/delta-reader.js";
import { DeltaWriter } from "../../../src/shared/mvcc/delta-writer.js";
import { KeySpace } from "../../../src/shared/mvcc/key-space.js";
import { ReadView } from "../../../src/shared/mvcc/read-view.js";
import type { Change } from "../../../src/shared/mvcc/types.js";
import { copyChange, MapBase } from "../../store/support/map-base.js";

/** Small, so that segments are sealed and used again all the time. */
const SEGMENT_BYTES = 512;

type Message =
  | { readonly kind: "published"; readonly state: Published }
  | { readonly kind: "checkpointed"; readonly checkpoint: Checkpointed };

/** A frontend: its own base snapshot, its own index, its own queue of messages not yet handled. */
export class Frontend {
  readonly base = new MapBase({ tailMax: 2 });
  readonly delta = new DeltaReader();
  readonly view = new ReadView({
    base: this.base,
    delta: this.delta,
    revision: 1,
    compactRevision: -1,
    appliedIndex: 0,
  });
  readonly port: [number, SharedArrayBuffer][] = [];
  readonly queue: Message[] = [];
  /** Every change that was seen live, in order. */
  readonly seen: Change[] = [];
  /** What prev_kv was for each, and the compact revision then. */
  readonly seenBefore: [Uint8Array | undefined, number][] = [];
  released: DeltaPosition = { segment: 0, offset: 0 };

  handleNext(): void {
    const message = this.queue.shift();
    if (message === undefined) return;
    for (const [segment, buffer] of this.port.splice(0)) this.delta.addSegment(segment, buffer);
    if (message.kind === "published") {
      this.view.publish(message.state, (change) => {
        this.seen.push(copyChange(change));
        const before = this.view.keyValueBefore(change);
        this.seenBefore.push([before && Uint8Array.from(before), this.view.compactRevision]);
      });
      return;
    }
    if (!this.view.checkpointed(message.checkpoint)) throw new Error("base is behind");
    this.delta.dropBefore(message.checkpoint.position);
    this.released = message.checkpoint.position;
  }
}

/**
 * The apply side, some frontends and their base in one thread, with every step that is concurrent in the
 * server as a call of its own. Memory that was released is overwritten at once.
 */
export class World {
  readonly frontends: Frontend[];
  readonly base = new MapBase({ tailMax: 2 });
  readonly writer: DeltaWriter;
  readonly space: KeySpace;
  readonly #live = new Map<number, SharedArrayBuffer>();
  #checkpoint: { readonly position: DeltaPosition; readonly revision: number } | undefined;
  #checkpointed: DeltaPosition = { segment: 0, offset: 0 };
  #checkpointId = 0;
  #index = 0;

  constructor(frontends: number) {
    this.frontends = Array.from({ length: frontends }, () => new Frontend());
    this.writer = new DeltaWriter({
      segmentBytes: SEGMENT_BYTES,
      onSegment: (segment, buffer) => {
        this.#live.set(segment, buffer);
        for (const { port } of this.frontends) port.push([segment, buffer]);
      },
    });
    this.space = new KeySpace({
      base: this.base,
      writer: this.writer,
      revision: 1,
      compactRevision: -1,
      appliedIndex: 0,
    });
  }

  publish(): void {
    this.#index += 1;
    const { revision, compactRevision } = this.space.view;
    const end = this.writer.end;
    const state = { appliedIndex: this.#index, revision, compactRevision, end };
    for (const { queue } of this.frontends) queue.push({ kind: "published", state });
  }

  /** A checkpoint takes what was published: readers must know its revisions when it is announced. */
  checkpointBegin(): void {
    this.publish();
    this.#checkpoint = { position: this.writer.end, revision: this.space.view.revision };
  }

  /** The transaction is committed: new snapshots show it from now on, announced or not. */
  checkpointCommit(): void {
    const checkpoint = this.#checkpoint;
    if (checkpoint === undefined) return;
    this.#checkpoint = undefined;
    const changes: Change[] = [];
    this.writer.reader.forEach(this.#checkpointed, checkpoint.position, (change) => {
      changes.push(copyChange(change));
    });
    for (const base of this.#bases()) base.append(changes);
    this.#checkpointed = checkpoint.position;
    this.#checkpointId += 1;
    const message = { checkpointId: this.#checkpointId, ...checkpoint };
    if (!this.space.view.checkpointed(message)) throw new Error("own base is behind");
    for (const { queue } of this.frontends) {
      queue.push({ kind: "checkpointed", checkpoint: message });
    }
  }

  /** What every frontend has released is given back and overwritten. */
  release(): void {
    const all = [this.#checkpointed, ...this.frontends.map((one) => one.released)];
    const position = all.reduce((a, b) =>
      a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset) ? a : b,
    );
    this.writer.release(position);
    for (const [segment, buffer] of this.#live) {
      if (segment >= position.segment) continue;
      this.#live.delete(segment);
      new Uint8Array(buffer).fill(0xee);
    }
  }

  /**
   * Removes compacted changes from the base. Only when every frontend refuses the revisions concerned: the
   * rule that the server's compaction keeps.
   */
  compactBase(): void {
    const known = this.frontends.map(({ view }) => view.compactRevision);
    const revision = Math.min(this.space.view.compactRevision, ...known);
    if (revision < 0) return;
    for (const base of this.#bases()) base.compact(revision);
  }

  #bases(): MapBase[] {
    return [this.base, ...this.frontends.map(({ base }) => base)];
  }
}
