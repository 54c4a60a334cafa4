import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import { Frontend } from "../../src/main/frontend/frontend.js";
import type { ServiceContext } from "../../src/main/services/context.js";
import { leaseMethods } from "../../src/main/services/lease.js";
import { HeaderEncoder } from "../../src/main/services/response-header.js";
import { ErrorCode } from "../../src/shared/errors.js";
import { LeaseKeepAliveRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import {
  sendCheckpointed,
  sendPublished,
  sendResult,
} from "../../src/shared/messages/apply-to-main.js";
import { EntryKind } from "../../src/shared/messages/entry.js";
import { MainToApply, readNumber } from "../../src/shared/messages/main-to-apply.js";
import { MainToRaft } from "../../src/shared/messages/main-to-raft.js";
import { DELTA_START, DeltaReader } from "../../src/shared/mvcc/delta-reader.js";
import { ReadView } from "../../src/shared/mvcc/read-view.js";
import { Bell } from "../../src/shared/ring/bell.js";
import { createRing } from "../../src/shared/ring/layout.js";
import { RingReader } from "../../src/shared/ring/reader.js";
import { RingWriter } from "../../src/shared/ring/writer.js";
import { StatusBoard } from "../../src/shared/status-board.js";
import { MapBase } from "../store/support/map-base.js";
import { FakeCall } from "../watch/support/fake-call.js";

const RING_BYTES = 64 * 1024;

/** A frontend whose other actors are played by the test. */
function setUp() {
  const own = new Bell();
  const other = new Bell();
  const rings = Array.from({ length: 4 }, () => createRing(RING_BYTES));
  const [toRaft, fromRaft, toApply, fromApply] = rings as [
    SharedArrayBuffer,
    SharedArrayBuffer,
    SharedArrayBuffer,
    SharedArrayBuffer,
  ];
  const out = { consumer: other, producer: own };
  const back = { consumer: own, producer: other };
  const base = new MapBase();
  const view = new ReadView({
    base,
    delta: new DeltaReader(),
    revision: 1,
    compactRevision: -1,
    appliedIndex: 0,
  });
  const segments = new MessageChannel();
  const frontend = new Frontend({
    id: 0,
    origin: 1n,
    rings: {
      bell: own,
      toRaft: new RingWriter(toRaft, out),
      fromRaft: new RingReader(fromRaft, back),
      toApply: new RingWriter(toApply, out),
      fromApply: new RingReader(fromApply, back),
    },
    segments: segments.port2,
    view,
    board: new StatusBoard(),
    members: new Uint8Array(0),
    maxRequestBytes: 1_572_864,
    requestTimeoutMs: 60_000,
    nowMs: () => performance.now(),
    onBug: (error) => {
      throw error;
    },
  });
  const apply = {
    reader: new RingReader(toApply, out),
    writer: new RingWriter(fromApply, back),
  };
  const raft = { reader: new RingReader(toRaft, out) };
  const stop = async (): Promise<void> => {
    await frontend.stop();
    segments.port1.close();
  };
  return { frontend, apply, raft, stop };
}

async function until(condition: () => boolean, what: string): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    assert.ok(performance.now() < deadline, `never: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

describe("Frontend", () => {
  test("refuses requests, and holds no more bytes, while the Raft worker takes nothing", async () => {
    const { frontend, stop } = setUp();
    frontend.start();
    const payload = Buffer.alloc(1_000_000);
    const codes: number[] = [];
    for (let i = 0; i < 100; i++) {
      frontend.propose(EntryKind.put, payload, (code) => codes.push(code));
    }
    assert.ok(codes.length > 20, `only ${codes.length} of 100 MB were refused`);
    assert.ok(codes.every((code) => code === ErrorCode.tooManyRequests));
    await stop();
  });

  test("answers a proposal with what the apply worker sent for it", async () => {
    const { frontend, apply, raft, stop } = setUp();
    frontend.start();
    const answers: string[] = [];
    frontend.propose(EntryKind.put, Buffer.from("x"), (code, revision, bytes, offset, length) => {
      const body = Buffer.from(bytes.subarray(offset, offset + length)).toString();
      answers.push(`${code} ${revision} ${body}`);
    });
    let proposed = 0;
    await until(() => {
      raft.reader.drain((type) => {
        if (type === MainToRaft.propose) proposed++;
      });
      return proposed === 1;
    }, "the proposal in the ring");
    sendResult(apply.writer, { requestId: 1, revision: 2, code: 0, body: Buffer.from("body") });
    apply.writer.flush();
    await until(() => answers.length > 0, "the answer");
    assert.deepEqual(answers, ["0 2 body"]);
    await stop();
  });

  test("releases a checkpoint only when what was pinned before it is let go", async () => {
    const { frontend, apply, stop } = setUp();
    frontend.start();
    const released: number[] = [];
    const look = (): void => {
      apply.reader.drain((type, _bytes, view, offset) => {
        if (type === MainToApply.released) released.push(readNumber(view, offset));
      });
    };
    const checkpoint = (checkpointId: number): void => {
      sendCheckpointed(apply.writer, { checkpointId, position: DELTA_START, revision: 1 });
      sendPublished(apply.writer, {
        appliedIndex: checkpointId,
        revision: 1,
        compactRevision: -1,
        end: DELTA_START,
      });
      apply.writer.flush();
    };
    const pin = frontend.pinDelta();
    checkpoint(1);
    await until(() => frontend.view.appliedIndex === 1, "the first state");
    const young = frontend.pinDelta();
    look();
    assert.deepEqual(released, [], "the pin is older than the checkpoint");
    pin.release();
    await until(() => {
      look();
      return released.length > 0;
    }, "the release");
    assert.deepEqual(released, [1], "a pin taken after a checkpoint does not hold it back");
    young.release();
    await stop();
  });
});

describe("a keepalive stream", () => {
  test("is held back while its client does not read the answers", async () => {
    const { frontend, apply, stop } = setUp();
    frontend.start();
    const header = new HeaderEncoder({ clusterId: 1n, memberId: 2n }, () => 1);
    const context = { frontend, header } as unknown as ServiceContext;
    const method = leaseMethods(context).find(({ path }) => path.endsWith("LeaseKeepAlive"));
    assert.ok(method?.kind === "bidi");
    const call = new FakeCall(1);
    const receiver = method.handle(call);
    receiver.onMessage(LeaseKeepAliveRequest.encode({ ID: 5n }).finish());
    sendResult(apply.writer, { requestId: 1, revision: 1, code: 0, body: new Uint8Array(0) });
    apply.writer.flush();
    await until(() => call.paused, "the pause");
    call.take();
    assert.equal(call.paused, false);
    await stop();
  });
});
