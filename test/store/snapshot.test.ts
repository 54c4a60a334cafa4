import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { StoreWriter } from "../../src/apply-worker/store/store-writer.js";
import { readSnapshotHeader } from "../../src/shared/snapshot/snapshot-file.js";
import {
  encodeFrame,
  encodeSnapshotHeader,
  FrameKind,
  SnapshotError,
} from "../../src/shared/snapshot/snapshot-format.js";
import { SnapshotVerifier } from "../../src/shared/snapshot/snapshot-verifier.js";
import { PIECE_BYTES_MAX, StoreExport } from "../../src/shared/snapshot/store-export.js";
import { factsOf } from "./support/facts.js";
import { finish, type Operation } from "./support/model.js";
import {
  CLUSTER,
  exportTo,
  facts,
  filledStore,
  importFrom,
  putsOf,
  smallRows,
} from "./support/snapshots.js";
import { scaled, withTempDirectory } from "./support/temp-store.js";

const childProgram = fileURLToPath(new URL("./support/import-child.js", import.meta.url));

const longKey = Buffer.alloc(1030, "p");
const anyOperation: fc.Arbitrary<Operation> = fc.oneof(
  fc.record({
    kind: fc.constant("put" as const),
    key: fc.constantFrom(
      ...["a", "b", "c"].map((name) => Buffer.from(name)),
      longKey,
      Buffer.concat([longKey, Buffer.from("x")]),
    ),
    value: fc.uint8Array({ maxLength: 30 }),
    lease: fc.constantFrom(0n, 7n, -9n),
  }),
  fc.record({ kind: fc.constant("delete" as const), key: fc.constant(Buffer.from("a")) }),
);
const anyRequests = fc.array(fc.array(anyOperation, { minLength: 1, maxLength: 3 }), {
  minLength: 1,
  maxLength: 80,
});

function verify(bytes: Uint8Array, cut: (left: number) => number = (left) => left): void {
  const verifier = new SnapshotVerifier(CLUSTER);
  for (let at = 0; at < bytes.length; ) {
    const end = at + Math.max(1, cut(bytes.length - at));
    // A copy that is overwritten afterwards: the verifier keeps nothing of it.
    const piece = Uint8Array.from(bytes.subarray(at, end));
    verifier.push(piece);
    piece.fill(0);
    at = end;
  }
  verifier.finish();
}

/** Cuts a snapshot into its frames. */
function framesOf(bytes: Buffer): Buffer[] {
  const frames: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = at + 16 + bytes.readUInt32LE(at);
    frames.push(bytes.subarray(at, end));
    at = end;
  }
  return frames;
}

describe("a snapshot", () => {
  it("brings any store over any other, whole, and leaves the receiver its own identity", async () => {
    await fc.assert(
      fc.asyncProperty(anyRequests, anyRequests, fc.nat(9), fc.nat(9), async (one, other, a, b) => {
        await withTempDirectory(async (directory) => {
          const source = await filledStore(join(directory, "source"), one, a);
          const target = await filledStore(join(directory, "target"), other, b);
          const path = join(directory, "file");
          const bytes = await exportTo(join(directory, "source"), path);
          verify(bytes, (left) => 1 + (left % 977));
          const { appliedIndex: index, appliedTerm: term } = source.state;
          assert.deepEqual(readSnapshotHeader(path, CLUSTER), { clusterId: CLUSTER, index, term });
          await importFrom(target, path);
          assert.deepEqual(facts(target), facts(source));
          assert.deepEqual(target.state, source.state);
          const identity = target.reader.snapshot.namedValue("identity");
          assert.equal(Buffer.from(identity ?? []).toString(), "the receiver");
          await Promise.all([source.close(), target.close()]);
          const again = StoreWriter.open(join(directory, "target"));
          assert.equal(again.state.stateHash, smallRows(a).stateHash);
          await again.close();
        });
      }),
      { numRuns: scaled(15) },
    );
  });

  it("comes in pieces of bounded size, also around a value that is larger than one", async () => {
    await withTempDirectory(async (directory) => {
      const requests = [...putsOf(500, 300), ...putsOf(2, 3 * PIECE_BYTES_MAX, "large")];
      const source = await filledStore(join(directory, "source"), requests, 1);
      const target = StoreWriter.open(join(directory, "target"));
      const exported = StoreExport.open(join(directory, "source"), CLUSTER);
      const verifier = new SnapshotVerifier(CLUSTER);
      const pieces: Buffer[] = [];
      for (let piece = exported.next(); piece; piece = exported.next()) {
        assert.ok(piece.length <= PIECE_BYTES_MAX, `${piece.length}`);
        verifier.push(piece);
        pieces.push(piece);
      }
      assert.deepEqual(verifier.finish(), exported.header);
      await exported.close();
      writeFileSync(join(directory, "file"), Buffer.concat(pieces));
      await importFrom(target, join(directory, "file"));
      assert.deepEqual(facts(target), facts(source));
      await Promise.all([source.close(), target.close()]);
    });
  });

  it("is of one moment, whatever is written while it is read", async () => {
    await withTempDirectory(async (directory) => {
      const source = await filledStore(join(directory, "source"), putsOf(1500, 700), 0);
      const before = facts(source);
      const exported = StoreExport.open(join(directory, "source"), CLUSTER);
      const pieces = [exported.next(), exported.next()];
      const path = join(directory, "other");
      const other = await filledStore(path, putsOf(10, 10), 4);
      await exportTo(path, join(directory, "other-file"));
      await importFrom(source, join(directory, "other-file"));
      assert.deepEqual(facts(source), facts(other));
      for (let piece = exported.next(); piece; piece = exported.next()) pieces.push(piece);
      await exported.close();
      writeFileSync(
        join(directory, "file"),
        Buffer.concat(pieces.filter((piece) => piece !== undefined)),
      );
      await importFrom(source, join(directory, "file"));
      assert.deepEqual(facts(source), before);
      await Promise.all([source.close(), other.close()]);
    });
  });

  it("is refused wherever a byte was changed or lost, and then leaves the store as it was", async () => {
    await withTempDirectory(async (directory) => {
      const source = await filledStore(join(directory, "source"), putsOf(700, 3000), 3);
      const target = await filledStore(join(directory, "target"), putsOf(20, 20), 4);
      const before = facts(target);
      const path = join(directory, "file");
      const whole = await exportTo(join(directory, "source"), path);
      const refusal = (bytes: Buffer) => assert.throws(() => verify(bytes), SnapshotError);
      const step = Math.ceil(whole.length / scaled(150));
      for (let at = 0; at < whole.length; at += step) {
        const flipped = Buffer.from(whole);
        flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8));
        refusal(flipped);
        refusal(whole.subarray(0, at));
      }
      const frames = framesOf(whole);
      assert.ok(frames.length > 4, `${frames.length} frames`);
      const [first, second, third, ...rest] = frames as [Buffer, Buffer, Buffer, ...Buffer[]];
      refusal(Buffer.concat([first, third, second, ...rest]));
      refusal(Buffer.concat([first, third, ...rest]));
      refusal(Buffer.concat([first, second, second, third, ...rest]));
      refusal(Buffer.concat([second, third, ...rest]));
      refusal(Buffer.concat([whole, Buffer.of(0)]));
      refusal(Buffer.concat([first, ...rest.slice(-1)]));
      for (const bad of [whole.subarray(0, -1), Buffer.concat([first, second, ...rest])]) {
        writeFileSync(path, bad);
        await assert.rejects(() => importFrom(target, path));
        target.reader.refresh();
        assert.deepEqual(facts(target), before);
      }
      writeFileSync(path, whole);
      await importFrom(target, path);
      assert.deepEqual(facts(target), facts(source));
      await Promise.all([source.close(), target.close()]);
    });
  });

  it("is refused by name when it is another cluster's, or newer than this program", () => {
    const header = { clusterId: 1n, index: 5, term: 2 };
    const body = encodeSnapshotHeader(header);
    const frame = (bytes: Buffer) =>
      encodeFrame({ kind: FrameKind.header, table: 0, number: 0 }, [bytes]);
    assert.throws(() => new SnapshotVerifier(2n).push(frame(body)), /snapshot of cluster 1, not 2/);
    body.writeUInt32LE(99, 8);
    assert.throws(() => new SnapshotVerifier(1n).push(frame(body)), /format 99/);
  });

  it("lets readers keep the old store that they hold, and gives them the new one when they renew", async () => {
    await withTempDirectory(async (directory) => {
      const source = await filledStore(join(directory, "source"), putsOf(700, 300), 1);
      const target = await filledStore(join(directory, "target"), putsOf(400, 300, "old"), 2);
      const path = join(directory, "file");
      await exportTo(join(directory, "source"), path);
      const pin = target.reader.pin();
      const before = facts(target);
      const run = target.startImport({ path, clusterId: CLUSTER, values: [] });
      await finish(run);
      assert.deepEqual(facts(target), before);
      target.reader.refresh();
      assert.deepEqual(facts(target), facts(source));
      const kept: string[] = [];
      pin.visitChanges({ main: 0, sub: 0 }, pin.revision, ({ main, key }) => {
        kept.push(`${main} ${Buffer.from(key)}`);
        return true;
      });
      assert.equal(kept.length, 400);
      pin.release();
      await Promise.all([source.close(), target.close()]);
    });
  });

  it("is in the store whole or not at all, wherever the process was killed", async () => {
    await withTempDirectory(async (directory) => {
      const source = await filledStore(join(directory, "source"), putsOf(800, 3000), 1);
      const path = join(directory, "file");
      await exportTo(join(directory, "source"), path);
      const newFacts = facts(source);
      await source.close();
      const first = await filledStore(join(directory, "target"), putsOf(300, 3000, "old"), 2);
      const oldFacts = facts(first);
      await first.close();
      const seen = new Set<string>();
      for (let kill = 0; kill < scaled(10); kill++) {
        await runAndKill([join(directory, "target"), path], 1 + kill * 7);
        const store = StoreWriter.open(join(directory, "target"));
        const found = [...factsOf(store.reader)];
        const isNew = found[0] === newFacts[0];
        assert.deepEqual(found, isNew ? newFacts : oldFacts);
        seen.add(isNew ? "new" : "old");
        await store.close();
        if (isNew) break;
      }
      assert.ok(seen.has("old"), "a kill came before the commit");
    });
  });
});

/** Starts the importing child and kills it after so many slices of its work. */
async function runAndKill(args: readonly string[], slices: number): Promise<void> {
  const child = spawn(process.execPath, [childProgram, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let lines = 0;
  for await (const _line of createInterface({ input: child.stdout })) {
    lines += 1;
    if (lines === slices) child.kill("SIGKILL");
  }
  await exited;
}
