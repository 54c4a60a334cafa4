/** The thread that sends a snapshot: reads the store and streams it, while the Raft worker does its work. */
import { parentPort, workerData } from "node:worker_threads";
import { assert } from "../../shared/assert.js";
import { StoreCorruptError } from "../../shared/mvcc/types.js";
import { StoreExport } from "../../shared/snapshot/store-export.js";
import { SNAPSHOT_STALL_MS, STREAM_BYTES_MAX } from "./bounds.js";
import { OutgoingCall, PeerCallError } from "./outgoing-call.js";
import { parsePeerUrl } from "./peer-url.js";
import { SNAPSHOT_METHOD } from "./service.js";
import type { SendSnapshotData, SendSnapshotReport } from "./snapshot-sender.js";

async function run(data: SendSnapshotData): Promise<string | undefined> {
  const source = StoreExport.open(data.storeDirectory, data.handshake.clusterId);
  try {
    const { index, term } = source.header;
    report({ kind: "started", position: { index, term } });
    const call = await openCall(data);
    try {
      return (await stream(call, source))?.message;
    } finally {
      call.close();
    }
  } finally {
    await source.close();
  }
}

/** The member is reached at the first URL at which it answers. */
async function openCall({ urls, tls, handshake }: SendSnapshotData): Promise<OutgoingCall> {
  let failure: unknown = new PeerCallError("the member has no URL");
  for (const url of urls) {
    const address = parsePeerUrl(url);
    if (address === undefined) continue;
    try {
      return await OutgoingCall.open({ method: SNAPSHOT_METHOD, address, tls, handshake });
    } catch (error) {
      failure = error;
    }
  }
  throw failure;
}

async function stream(call: OutgoingCall, source: StoreExport): Promise<PeerCallError | undefined> {
  let isOver = false;
  const over = call.over.finally(() => {
    isOver = true;
  });
  let taken = (): void => {};
  const stall = setTimeout(() => call.close(), SNAPSHOT_STALL_MS);
  const write = (bytes: Buffer): void => {
    call.write(bytes, () => {
      stall.refresh();
      taken();
    });
  };
  try {
    for (let chunk = source.next(); chunk !== undefined; chunk = source.next()) {
      write(chunk);
      report({ kind: "progress", bytes: chunk.length });
      // Also without a full stream: pings and the peer's refusal are read in between.
      await new Promise((resolve) => setImmediate(resolve));
      while (!isOver && call.bufferedBytes >= STREAM_BYTES_MAX) {
        const next = new Promise<void>((resolve) => {
          taken = resolve;
        });
        await Promise.race([next, over]);
      }
      if (isOver) break;
    }
    call.end();
    return await over;
  } finally {
    clearTimeout(stall);
  }
}

function report(message: SendSnapshotReport): void {
  assert(parentPort !== null, "a snapshot is sent from a thread of its own");
  parentPort.postMessage(message);
}

run(workerData).then(
  (error) => report({ kind: "finished", error }),
  (error: unknown) => {
    const text = error instanceof Error ? error.message : String(error);
    const kind = error instanceof StoreCorruptError ? "damaged" : "finished";
    report({ kind, error: text });
  },
);
