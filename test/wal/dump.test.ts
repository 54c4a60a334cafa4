import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  ENTRY_HEADER_BYTES,
  EntryKind,
  writeEntryHeader,
} from "../../src/shared/messages/entry.js";
import { dumpWal } from "../../src/wal/dump.js";
import { batchOf, DIRECTORY, entriesFrom, newLog } from "./support/log-fixture.js";
import { SimDisk } from "./support/sim-disk.js";

describe("dumpWal", () => {
  it("prints segments, frames and records, with the kind of each request", async () => {
    const { disk, wal } = await newLog();
    const hardState = { term: 2, vote: 0xabn, commit: 1 };
    await wal.append(batchOf([{ index: 1, term: 2, payload: putPayload() }], { hardState }));
    await wal.append(batchOf(entriesFrom(2, 2, { term: 2 }), { snapshot: { index: 1, term: 2 } }));
    await wal.close();
    const { code, lines } = await dump(disk);
    assert.equal(code, 0);
    const text = lines.map((line) => line.replace(/checksum \w+ after \w+/, "checksum")).join("\n");
    assert.equal(
      text,
      [
        "segment 0000000000000001.wal sequence 1 cluster c0ffee member 8e9e05c52164694d: 512 bytes",
        "  frame at 64: 96 bytes, checksum, synced through 64",
        "    start: previous segment ends at 0, last entry 0 (term 0), snapshot 0 (term 0), " +
          "term 0, vote 0, commit 0",
        "  frame at 160: 128 bytes, checksum, synced through 64",
        "    entry 1 term 2: 34 bytes, put",
        "    hard state: term 2, vote ab, commit 1",
        "  frame at 288: 128 bytes, checksum, synced through 288",
        "    snapshot: 1 (term 2)",
        "    entry 2 term 2: 18 bytes",
        "    entry 3 term 2: 18 bytes",
        "  frame at 416: 32 bytes, checksum, synced through 416",
        "segment 0000000000000002.wal sequence 2 cluster c0ffee member 8e9e05c52164694d: 512 bytes, " +
          "not begun",
        "log: 2 entries after snapshot 1 (term 2), last 3 (term 2), term 2, vote ab, commit 1",
      ].join("\n"),
    );
  });

  it("prints what is readable, then the first problem, and says so by its exit code", async () => {
    const { disk, wal } = await newLog();
    for (let index = 1; index <= 3; index++) await wal.append(batchOf(entriesFrom(index, 1)));
    await wal.close();
    const file = `${DIRECTORY}/0000000000000001.wal`;
    const bytes = disk.contents(file);
    const at = Buffer.from(bytes).indexOf("entry 2");
    bytes[at] = 0;
    disk.setContents(file, bytes);
    const { code, lines } = await dump(disk);
    assert.equal(code, 1);
    assert.ok(lines.some((line) => line.includes("entry 1 term 1")));
    assert.match(
      lines.at(-1) ?? "",
      /^problem: WAL is corrupt: 0000000000000001\.wal at offset 2\d\d/,
    );
  });

  it("says that there is no log where there is none", async () => {
    const { code, lines } = await dump(new SimDisk());
    assert.equal(code, 1);
    assert.deepEqual(lines, [`problem: no WAL in ${DIRECTORY}`]);
  });
});

async function dump(disk: SimDisk): Promise<{ code: number; lines: string[] }> {
  const lines: string[] = [];
  const code = await dumpWal(disk.attach(), DIRECTORY, (line) => lines.push(line));
  return { code, lines };
}

function putPayload(): Uint8Array {
  const payload = new Uint8Array(ENTRY_HEADER_BYTES + 10);
  const header = { kind: EntryKind.put, frontend: 0, origin: 1n, requestId: 1 };
  writeEntryHeader(new DataView(payload.buffer), 0, header);
  return payload;
}
