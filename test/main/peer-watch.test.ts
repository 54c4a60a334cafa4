import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { PeerWatch } from "../../src/main/cluster/peer-watch.js";
import { ClusterRig } from "./support/cluster-rig.js";
import { member } from "./support/frontend-rig.js";

const FIVE = [1n, 2n, 3n, 4n, 5n].map((id) => member(id));

let rig: ClusterRig;
let watch: PeerWatch;
afterEach(async () => {
  watch.stop();
  await rig.stop();
});

/** Member 1 of five, connected to some since this many milliseconds of `performance.now`. */
async function open(since: Readonly<Record<number, number>>): Promise<void> {
  rig = new ClusterRig({ members: FIVE });
  rig.peers = Object.entries(since).map(([id, sinceMs]) => ({
    id: BigInt(id),
    activeSinceMs: performance.timeOrigin + sinceMs,
    matchIndex: undefined,
  }));
  const { cluster, frontend, board } = rig.context;
  watch = new PeerWatch({ cluster, frontend, board, memberId: 1n });
  await watch.look();
}

describe("PeerWatch", () => {
  test("a follower is cut off when it was not connected to its leader all the time", async () => {
    await open({ 2: 1000, 3: 5000 });
    rig.leader(2n);
    assert.equal(watch.isCutOff(1001), false);
    assert.equal(watch.isCutOff(999), true);
    rig.leader(4n);
    assert.equal(watch.isCutOff(1_000_000), true);
  });

  test("a leader is cut off when it was not connected to a quorum all the time", async () => {
    await open({ 2: 1000, 3: 5000, 4: 9000 });
    rig.leader(1n);
    assert.equal(watch.isCutOff(5001), false);
    assert.equal(watch.isCutOff(4999), true);
  });

  test("a member that is alone has nobody to be cut off from", async () => {
    rig = new ClusterRig({ members: [member(1n)] });
    const { cluster, frontend, board } = rig.context;
    watch = new PeerWatch({ cluster, frontend, board, memberId: 1n });
    rig.leader(1n);
    assert.equal(watch.isCutOff(0), false);
  });
});
