import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { DeltaHold } from "../../src/main/frontend/delta-hold.js";
import { DeltaReader } from "../../src/shared/mvcc/delta-reader.js";
import { ReadView } from "../../src/shared/mvcc/read-view.js";
import { MapBase } from "../store/support/map-base.js";

function hold() {
  const released: number[] = [];
  const view = new ReadView({
    base: new MapBase(),
    delta: new DeltaReader(),
    revision: 1,
    compactRevision: -1,
    appliedIndex: 0,
  });
  return { it: new DeltaHold(view, (id) => released.push(id)), released };
}

const at = (offset: number) => ({ segment: 0, offset });
const checkpoint = (checkpointId: number, offset: number) => ({
  checkpointId,
  position: at(offset),
  revision: 1,
});
const restored = (offset: number) => ({
  appliedIndex: 9,
  revision: 1,
  compactRevision: -1,
  end: at(offset),
});

describe("DeltaHold", () => {
  it("lets go of a checkpoint when no older pin is left", () => {
    const { it, released } = hold();
    it.checkpointed(checkpoint(1, 8));
    assert.deepEqual(released, [1]);
    const [one, other] = [it.pin(), it.pin()];
    assert.deepEqual(one.from, at(8));
    it.checkpointed(checkpoint(2, 16));
    one.release();
    assert.deepEqual(released, [1]);
    other.release();
    assert.deepEqual(released, [1, 2]);
  });

  it("keeps the former delta for a thread that reads it while a snapshot takes the store's place", () => {
    const { it, released } = hold();
    it.checkpointed(checkpoint(1, 8));
    const reading = it.pin();
    it.restored(restored(24));
    const later = it.pin();
    assert.deepEqual(later.from, at(24), "nothing before it is read by who begins now");
    it.checkpointed(checkpoint(2, 24));
    assert.deepEqual(released, [1]);
    later.release();
    assert.deepEqual(released, [1], "the former delta is still read");
    reading.release();
    assert.deepEqual(released, [1, 2]);
  });
});
