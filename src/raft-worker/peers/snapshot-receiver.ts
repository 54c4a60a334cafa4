import type { sendUnaryData } from "@grpc/grpc-js";
import type { Logger } from "../../shared/logger.js";
import { SnapshotVerifier } from "../../shared/snapshot/snapshot-verifier.js";
import type { MemberId } from "../core/entry.js";
import { SNAPSHOT_STALL_MS } from "./bounds.js";
import { acceptMetadata, type Caller } from "./handshake.js";
import { IncomingFile } from "./incoming-file.js";
import type { IncomingCall } from "./incoming-streams.js";
import type { ReceivedSnapshot } from "./options.js";
import { Refusal, RefusedError, refusalStatus } from "./refusal.js";
import { SnapshotLog } from "./snapshot-log.js";

/** What a receiver is made of. */
export interface SnapshotReceiverOptions {
  readonly directory: string;
  readonly logger: Logger;
  readonly clusterId: bigint;
  readonly onSnapshot: (snapshot: ReceivedSnapshot) => void;
}

/** Takes snapshots in, one at a time: to a file beside, checked, on disk, and only then handed on. */
export class SnapshotReceiver {
  readonly #options: SnapshotReceiverOptions;
  #call: IncomingCall | undefined;
  #done: Promise<void> = Promise.resolve();

  constructor(options: SnapshotReceiverOptions) {
    this.#options = options;
  }

  /** Takes a snapshot from a caller that was let in; throws a RefusedError while another one comes in. */
  receive(caller: Caller, call: IncomingCall, respond: sendUnaryData<Buffer>): void {
    if (this.#call !== undefined) {
      throw new RefusedError(Refusal.busy, "another snapshot is being received");
    }
    this.#call = call;
    // An error is thrown to whoever reads; before somebody does, there is nothing to lose.
    call.on("error", () => {});
    call.sendMetadata(acceptMetadata());
    this.#done = this.#take(caller.id, call, respond).finally(() => {
      this.#call = undefined;
    });
  }

  /** Ends what is under way; nothing of it is left. */
  async close(): Promise<void> {
    this.#call?.destroy();
    await this.#done;
  }

  async #take(from: MemberId, call: IncomingCall, respond: sendUnaryData<Buffer>): Promise<void> {
    const { logger, onSnapshot } = this.#options;
    const log = new SnapshotLog(logger, "receiving snapshot", { "remote-peer-id": from });
    let snapshot: ReceivedSnapshot;
    try {
      snapshot = await this.#toFile(call, log);
    } catch (error) {
      log.failed(error);
      const reason = error instanceof Error ? error.message : String(error);
      respond(refusalStatus(new RefusedError(Refusal.snapshotFailed, reason)));
      return;
    }
    log.finished();
    respond(null, Buffer.alloc(0));
    onSnapshot(snapshot);
  }

  async #toFile(call: IncomingCall, log: SnapshotLog): Promise<ReceivedSnapshot> {
    const { directory, clusterId } = this.#options;
    const file = await IncomingFile.create(directory);
    const silence = new Error(`nothing came in for ${SNAPSHOT_STALL_MS} ms`);
    // One that never ends would keep all others out.
    const stall = setTimeout(() => call.destroy(silence), SNAPSHOT_STALL_MS);
    try {
      const verifier = new SnapshotVerifier(clusterId);
      for await (const chunk of call as AsyncIterable<Buffer>) {
        verifier.push(chunk);
        if (verifier.header !== undefined) log.started(verifier.header);
        await file.append(chunk);
        log.progressed(chunk.length);
        stall.refresh();
      }
      const { index, term } = verifier.finish();
      return { index, term, path: await file.commit({ index, term }) };
    } catch (error) {
      await file.discard();
      throw error;
    } finally {
      clearTimeout(stall);
    }
  }
}
