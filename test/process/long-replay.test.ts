import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { test } from "node:test";
import { RpcClient } from "../../src/main/client/rpc-client.js";
import { KVDefinition, PutRequest, RangeRequest } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { DELTA_BYTES_MAX } from "../../src/shared/limits.js";
import {
  ENTRY_HEADER_BYTES,
  EntryKind,
  writeEntryHeader,
} from "../../src/shared/messages/entry.js";
import { nodeDisk } from "../../src/wal/node-disk.js";
import { openWal } from "../../src/wal/open-wal.js";
import { startCapstan } from "../support/server-process.js";

const VALUE_BYTES = 10_000;
/** More than the delta holds, so that the replay must go through checkpoints. */
const PUTS = Math.ceil((1.5 * DELTA_BYTES_MAX) / VALUE_BYTES);
const PUTS_PER_APPEND = 500;

function putEntry(number: number): Uint8Array {
  const request = { key: Buffer.from(`k${number}`), value: Buffer.alloc(VALUE_BYTES, 120) };
  const body = PutRequest.encode(PutRequest.fromPartial(request)).finish();
  const payload = new Uint8Array(ENTRY_HEADER_BYTES + body.length);
  const header = { kind: EntryKind.put, frontend: 0, origin: 1n, requestId: number + 1 };
  writeEntryHeader(new DataView(payload.buffer), 0, header);
  payload.set(body, ENTRY_HEADER_BYTES);
  return payload;
}

/** Adds committed puts to a stopped member's log, as a crash under load leaves them. */
async function addPuts(directory: string): Promise<void> {
  const drawSalt = (): bigint => randomBytes(8).readBigUInt64LE();
  const { wal, recovered } = await openWal({ disk: nodeDisk, directory, drawSalt });
  const { term } = recovered.last;
  let { index } = recovered.last;
  for (let put = 0; put < PUTS; put += PUTS_PER_APPEND) {
    const entries = Array.from({ length: PUTS_PER_APPEND }, (_, offset) => {
      index += 1;
      return { index, term, payload: putEntry(put + offset) };
    });
    await wal.append({ entries, hardState: { ...recovered.hardState, commit: index }, sync: true });
  }
  await wal.close();
}

test("a replay longer than the delta ends, and the server is ready with all of it", async (t) => {
  const first = await startCapstan();
  t.after(() => first.dispose());
  assert.equal(await first.end("SIGTERM"), 0);
  await addPuts(join(first.dataDir, "member", "wal"));
  const second = await startCapstan({ dataDir: first.dataDir, readyTimeoutMs: 120_000 });
  t.after(() => second.dispose());
  const client = new RpcClient(second.target);
  t.after(() => client.close());
  const request = RangeRequest.fromPartial({ key: Buffer.from(`k${PUTS - 1}`) });
  const range = await client.unary(KVDefinition, KVDefinition.methods.range, request);
  assert.equal(range.kvs[0]?.value.length, VALUE_BYTES);
  const putsInAll = Math.ceil(PUTS / PUTS_PER_APPEND) * PUTS_PER_APPEND;
  assert.equal(range.header?.revision, BigInt(1 + putsInAll));
});
