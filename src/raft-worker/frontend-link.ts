import { assert } from "../shared/assert.js";
import type { ErrorCode } from "../shared/errors.js";
import { FRONTENDS_MAX } from "../shared/limits.js";
import {
  ENTRY_HEADER_BYTES,
  type EntryHeader,
  EntryKind,
  NO_FRONTEND,
  readEntryHeader,
} from "../shared/messages/entry.js";
import {
  RaftToMain,
  sendReadConfirmed,
  sendRefusal,
  sendRoleChanged,
} from "../shared/messages/raft-to-main.js";
import type { RingReader } from "../shared/ring/reader.js";
import type { RingWriter } from "../shared/ring/writer.js";

/** The two rings between the Raft worker and one frontend. */
export interface FrontendPorts {
  readonly input: RingReader;
  readonly output: RingWriter;
}

/** Answers to the frontends. Their read ids are told apart by tokens: read id and frontend in one number. */
export class FrontendLinks {
  readonly #ports: readonly FrontendPorts[];
  readonly #origin: bigint;
  readonly #header: EntryHeader = {
    kind: EntryKind.none,
    frontend: NO_FRONTEND,
    origin: 0n,
    requestId: 0,
  };

  /** Ports by frontend id. `origin` was drawn when this process started (entry.ts). */
  constructor(ports: readonly FrontendPorts[], origin: bigint) {
    assert(ports.length <= FRONTENDS_MAX, "too many frontends", { count: ports.length });
    this.#ports = ports;
    this.#origin = origin;
  }

  /**
   * Whether a proposal was made by this process. Request ids begin anew in each life of a member, and a refusal
   * may come back after a restart: it would hit a request of this life that has the same id.
   */
  isOfThisLife(payload: Uint8Array): boolean {
    // What comes from another member is not to be relied on.
    if (payload.length < ENTRY_HEADER_BYTES) return false;
    const { frontend, origin } = this.#headerOf(payload);
    // Nobody waits for these, and none of them changes what another life's client has written.
    return frontend === NO_FRONTEND || origin === this.#origin;
  }

  /** The number under which the core knows a frontend's read. */
  readToken(frontend: number, readId: number): number {
    const token = readId * FRONTENDS_MAX + frontend;
    assert(Number.isSafeInteger(token), "read id out of range", { readId });
    return token;
  }

  /** Confirms a read. */
  confirmRead(token: number, index: number): void {
    sendReadConfirmed(this.#output(token), Math.floor(token / FRONTENDS_MAX), index);
  }

  /** Refuses a read. */
  failRead(token: number, code: ErrorCode): void {
    const id = Math.floor(token / FRONTENDS_MAX);
    sendRefusal(this.#output(token), RaftToMain.readFailed, { id, code });
  }

  /** Tells whoever proposed these bytes that they were not taken; nobody when no frontend did. */
  refuseProposal(payload: Uint8Array, code: ErrorCode): void {
    const { frontend, requestId } = this.#headerOf(payload);
    const output = this.#ports[frontend]?.output;
    if (output === undefined) return;
    sendRefusal(output, RaftToMain.refused, { id: requestId, code });
  }

  /** Tells every frontend that the status board changed. */
  roleChanged(): void {
    for (const { output } of this.#ports) sendRoleChanged(output);
  }

  /** Wakes the frontends that have something to read. */
  flush(): void {
    for (const { output } of this.#ports) output.flush();
  }

  /** Valid until the next call. */
  #headerOf(payload: Uint8Array): EntryHeader {
    const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
    return readEntryHeader(view, 0, this.#header);
  }

  #output(token: number): RingWriter {
    const port = this.#ports[token % FRONTENDS_MAX];
    assert(port !== undefined, "read of an unknown frontend", { token });
    return port.output;
  }
}
