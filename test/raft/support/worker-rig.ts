import { ENTRY_HEADER_BYTES, EntryKind } from "../../../src/shared/messages/entry.js";
import { sendPropose, sendReadIndex } from "../../../src/shared/messages/main-to-raft.js";
import {
  RaftToApply,
  readEntryIndex,
  readRole,
} from "../../../src/shared/messages/raft-to-apply.js";
import {
  RaftToMain,
  readConfirmedIndex,
  readRefusalCode,
  readSubjectId,
} from "../../../src/shared/messages/raft-to-main.js";
import { Bell } from "../../../src/shared/ring/bell.js";
import { createRing } from "../../../src/shared/ring/layout.js";
import { RingReader } from "../../../src/shared/ring/reader.js";
import { RingWriter } from "../../../src/shared/ring/writer.js";

/** What the rig's frontends draw as their process's origin. */
export const RIG_ORIGIN = 1n;

/** The memory between a Raft worker, its frontends and the apply worker. */
export interface RigBuffers {
  readonly bells: {
    readonly raft: SharedArrayBuffer;
    readonly apply: SharedArrayBuffer;
    readonly frontends: readonly SharedArrayBuffer[];
  };
  readonly rings: {
    readonly fromFrontends: readonly SharedArrayBuffer[];
    readonly toFrontends: readonly SharedArrayBuffer[];
    readonly fromApply: SharedArrayBuffer;
    readonly toApply: SharedArrayBuffer;
  };
}

/** Makes the shared memory for a number of frontends. */
export function makeRigBuffers(frontends: number, ringBytes = 64 * 1024): RigBuffers {
  const each = <T>(make: () => T): T[] => Array.from({ length: frontends }, make);
  return {
    bells: {
      raft: new Bell().buffer,
      apply: new Bell().buffer,
      frontends: each(() => new Bell().buffer),
    },
    rings: {
      fromFrontends: each(() => createRing(ringBytes)),
      toFrontends: each(() => createRing(ringBytes)),
      fromApply: createRing(ringBytes),
      toApply: createRing(ringBytes),
    },
  };
}

/** A test in the place of one frontend. */
export class FrontendEnd {
  readonly bell: Bell;
  readonly output: RingWriter;
  readonly #input: RingReader;
  readonly #id: number;
  /** Everything received, in words. */
  readonly received: string[] = [];

  constructor(buffers: RigBuffers, id: number) {
    const raft = new Bell(buffers.bells.raft);
    this.#id = id;
    this.bell = new Bell(buffers.bells.frontends[id]);
    this.output = new RingWriter(buffers.rings.fromFrontends[id]!, {
      consumer: raft,
      producer: this.bell,
    });
    this.#input = new RingReader(buffers.rings.toFrontends[id]!, {
      consumer: this.bell,
      producer: raft,
    });
  }

  /** Proposes a put whose request bytes are this text. */
  propose(requestId: number, text: string): void {
    const header = { kind: EntryKind.put, frontend: this.#id, origin: RIG_ORIGIN, requestId };
    sendPropose(this.output, header, Buffer.from(text));
    this.output.flush();
  }

  /** Asks for a read index. */
  read(readId: number): void {
    sendReadIndex(this.output, readId);
    this.output.flush();
  }

  /** Takes in what has arrived. */
  drain(): readonly string[] {
    this.#input.drain((type, _bytes, view, offset) => {
      if (type === RaftToMain.roleChanged) this.received.push("role changed");
      else if (type === RaftToMain.readConfirmed) {
        const id = readSubjectId(view, offset);
        this.received.push(`read ${id} at ${readConfirmedIndex(view, offset)}`);
      } else {
        const what = type === RaftToMain.refused ? "proposal" : "read";
        const code = readRefusalCode(view, offset);
        this.received.push(`${what} ${readSubjectId(view, offset)} refused: ${code}`);
      }
    });
    return this.received;
  }
}

/** A test in the place of the apply worker. */
export class ApplyEnd {
  readonly bell: Bell;
  readonly output: RingWriter;
  readonly #input: RingReader;
  /** Everything received, in words. */
  readonly received: string[] = [];
  /** Payload texts of the entries received, without their headers. */
  readonly texts: string[] = [];

  constructor(buffers: RigBuffers) {
    const raft = new Bell(buffers.bells.raft);
    this.bell = new Bell(buffers.bells.apply);
    this.output = new RingWriter(buffers.rings.fromApply, { consumer: raft, producer: this.bell });
    this.#input = new RingReader(buffers.rings.toApply, { consumer: this.bell, producer: raft });
  }

  /** Takes in what has arrived, `max` messages at most. */
  drain(max = Number.POSITIVE_INFINITY): readonly string[] {
    this.#input.drain((type, bytes, view, offset, length) => {
      if (type === RaftToApply.role) {
        const { isLeader, term } = readRole(view, offset);
        this.received.push(`${isLeader ? "leader" : "not leader"} in term ${term}`);
        return;
      }
      const start = offset + 16 + ENTRY_HEADER_BYTES;
      const text = bytes.subarray(Math.min(start, offset + length), offset + length).toString();
      this.received.push(`entry ${readEntryIndex(view, offset)} ${text}`.trimEnd());
      this.texts.push(text);
    }, max);
    return this.received;
  }
}
