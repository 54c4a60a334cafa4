import { Worker } from "node:worker_threads";
import type { PeerTlsOptions } from "../../shared/control/raft-control.js";
import type { Logger } from "../../shared/logger.js";
import { StoreCorruptError } from "../../shared/mvcc/types.js";
import type { LogPosition, MemberId } from "../core/entry.js";
import type { Handshake } from "./handshake.js";
import type { SnapshotHandlers } from "./options.js";
import { SnapshotLog } from "./snapshot-log.js";

/** What the sending thread is started with. */
export interface SendSnapshotData {
  readonly storeDirectory: string;
  /** Of the receiver, the most promising first. */
  readonly urls: readonly string[];
  readonly tls: PeerTlsOptions | undefined;
  readonly handshake: Handshake;
}

/** What the sending thread says. */
export type SendSnapshotReport =
  | { readonly kind: "started"; readonly position: LogPosition }
  | { readonly kind: "progress"; readonly bytes: number }
  | { readonly kind: "damaged"; readonly error: string }
  | { readonly kind: "finished"; readonly error: string | undefined };

/** Sends this member's store to others, each from a thread of its own. */
export class SnapshotSender {
  readonly #logger: Logger;
  readonly #onDamage: (error: unknown) => void;
  readonly #threads = new Map<MemberId, Worker>();
  #isClosed = false;

  /** `onDamage` hears that the store itself cannot be read. */
  constructor(logger: Logger, onDamage: (error: unknown) => void) {
    this.#logger = logger;
    this.#onDamage = onDamage;
  }

  /** Begins to send. The handlers are called later, `finished` exactly once unless this is closed. */
  send(data: SendSnapshotData, handlers: SnapshotHandlers): void {
    const { to } = data.handshake;
    const log = new SnapshotLog(this.#logger, "sending snapshot", { "remote-peer-id": to });
    if (this.#threads.has(to)) {
      this.#refuse(log, handlers, "one is on its way to the member already");
      return;
    }
    const thread = new Worker(new URL("./send-snapshot.js", import.meta.url), { workerData: data });
    this.#threads.set(to, thread);
    let isFinished = false;
    const finish = (error: unknown): void => {
      if (isFinished || this.#isClosed) return;
      isFinished = true;
      this.#threads.delete(to);
      void thread.terminate();
      if (error === undefined) log.finished();
      else log.failed(error);
      handlers.finished(error === undefined);
    };
    thread.on("message", (report: SendSnapshotReport) => {
      if (isFinished || this.#isClosed) return;
      if (report.kind === "started") {
        log.started(report.position);
        handlers.started(report.position.index);
      } else if (report.kind === "progress") log.progressed(report.bytes);
      else if (report.kind === "damaged") this.#onDamage(new StoreCorruptError(report.error));
      else finish(report.error);
    });
    thread.on("error", finish);
    thread.on("exit", (code) => finish(`the thread ended with ${code}`));
  }

  /** Ends what is under way, without a word to its handlers. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all([...this.#threads.values()].map((thread) => thread.terminate()));
  }

  #refuse(log: SnapshotLog, handlers: SnapshotHandlers, reason: string): void {
    setImmediate(() => {
      if (this.#isClosed) return;
      log.failed(reason);
      handlers.finished(false);
    });
  }
}
