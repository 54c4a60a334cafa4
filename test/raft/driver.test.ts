import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Message } from "../../src/raft-worker/core/messages.js";
import { ErrorCode } from "../../src/shared/errors.js";
import {
  RAFT_APPLY_LAG_ENTRIES_MAX,
  RAFT_HELD_PROPOSALS_MAX,
  RAFT_UNAPPLIED_BYTES_MAX,
} from "../../src/shared/limits.js";
import { sendFlushed, sendOwnProposal } from "../../src/shared/messages/apply-to-raft.js";
import {
  ENTRY_HEADER_BYTES,
  EntryKind,
  NO_FRONTEND,
  writeEntryHeader,
} from "../../src/shared/messages/entry.js";
import { BoardSlot } from "../../src/shared/status-board.js";
import { makeDriverRig, makeLeaderRig, REQUEST_TICKS } from "./support/driver-rig.js";
import { RIG_ORIGIN } from "./support/worker-rig.js";

describe("RaftDriver", () => {
  test("start() makes a lone voter the leader, and tells everybody", () => {
    const { driver, apply, first, second, board, settle } = makeDriverRig();
    driver.start();
    settle();
    assert.deepEqual(apply.drain(), ["not leader in term 1", "leader in term 1", "entry 1"]);
    assert.deepEqual(first.drain(), ["role changed", "role changed"]);
    assert.deepEqual(second.drain(), ["role changed", "role changed"]);
    assert.equal(board.get(BoardSlot.term), 1);
    assert.equal(board.getId(BoardSlot.leaderId), 1n);
    assert.equal(board.get(BoardSlot.leaderChanges), 1);
    assert.equal(board.get(BoardSlot.commitIndex), 1);
    assert.equal(board.get(BoardSlot.lastIndex), 1);
  });

  test("start() gives committed entries that the store lacks out again", () => {
    const entries = [1, 2, 3].map((index) => ({
      index,
      term: 1,
      payload: Buffer.concat([Buffer.alloc(24), Buffer.from(`text ${index}`)]),
    }));
    const hardState = { term: 1, vote: 1n, commit: 2 };
    const { driver, apply, settle } = makeDriverRig({ entries, hardState, appliedIndex: 1 });
    driver.start();
    assert.deepEqual(apply.drain(), ["not leader in term 2", "entry 2 text 2"]);
    settle();
    assert.deepEqual(apply.drain().slice(2), ["leader in term 2", "entry 3 text 3", "entry 4"]);
  });

  test("turn() writes all proposals of one turn in one batch", () => {
    const { driver, store, first, second, apply, settle } = makeLeaderRig();
    first.propose(1, "a");
    first.propose(2, "b");
    second.propose(1, "c");
    const before = store.batches.length;
    driver.turn();
    assert.equal(store.batches.length, before + 1);
    assert.equal(store.batches.at(-1)?.entries.length, 3);
    assert.deepEqual(apply.drain(), [], "nothing is applied before it is on disk");
    settle();
    assert.deepEqual(apply.drain(), ["entry 2 a", "entry 3 b", "entry 4 c"]);
  });

  test("turn() gathers what comes during a write into the next one", () => {
    const { driver, store, first, apply, settle } = makeLeaderRig();
    first.propose(1, "a");
    driver.turn();
    const before = store.batches.length;
    for (const id of [2, 3, 4]) {
      first.propose(id, `late ${id}`);
      driver.turn();
    }
    assert.equal(store.batches.length, before);
    store.finish();
    driver.turn();
    assert.equal(store.batches.at(-1)?.entries.length, 3);
    assert.deepEqual(apply.drain(), ["entry 2 a"]);
    settle();
    assert.equal(apply.drain().length, 4);
  });

  test("turn() confirms reads of each frontend by its own ids, even while a write is under way", () => {
    const { driver, first, second } = makeLeaderRig();
    first.propose(1, "a");
    driver.turn();
    first.read(7);
    second.read(7);
    second.read(8);
    driver.turn();
    assert.deepEqual(first.drain(), ["read 7 at 1"]);
    assert.deepEqual(second.drain(), ["read 7 at 1", "read 8 at 1"]);
  });

  test("turn() stops taking proposals in while the apply worker does not read, and loses none", () => {
    const { driver, store, first, apply, settle } = makeLeaderRig({ ringBytes: 16 * 1024 });
    const text = "x".repeat(1000);
    const count = 200;
    let backlogMax = 0;
    for (let id = 1; id <= count; id += 1) {
      first.propose(id, text);
      store.finish();
      driver.turn();
      backlogMax = Math.max(backlogMax, first.output.backlogBytes);
    }
    assert.ok(backlogMax > 0, "the back-pressure reaches the frontend");
    assert.ok(driver.status().lastIndex < 60, "what is taken in is bounded by the rings");
    for (let round = 0; round < 2 * count; round += 1) {
      apply.drain();
      settle();
      first.output.flush();
    }
    assert.equal(apply.texts.filter((got) => got === text).length, count);
  });

  test("turn() does not listen to a frontend that does not read, but to the others", () => {
    const { driver, first, second, settle } = makeLeaderRig({ ringBytes: 4096 });
    for (let id = 1; id <= 1000; id += 1) {
      first.read(id);
      driver.turn();
    }
    assert.ok(first.output.blocked, "its questions stay where they are");
    second.read(1);
    settle();
    assert.deepEqual(second.drain(), ["read 1 at 1"]);
    for (let round = 0; round < 1000; round += 1) {
      first.drain();
      first.output.flush();
      driver.turn();
    }
    assert.equal(first.drain().length, 1000);
  });

  test("turn() takes the apply worker's proposals and truncations while it is blocked", () => {
    const { driver, store, first, apply, settle } = makeLeaderRig({ ringBytes: 4096 });
    for (let id = 1; id <= 60; id += 1) {
      first.propose(id, "y".repeat(400));
      settle();
    }
    const header = { kind: EntryKind.leaseRevoke, frontend: NO_FRONTEND, origin: 1n, requestId: 0 };
    const { term } = driver.status();
    sendOwnProposal(apply.output, header, Buffer.from("expired"), term);
    sendFlushed(apply.output, 5);
    apply.output.flush();
    driver.turn();
    assert.deepEqual(store.truncation, { wantedFrom: 6, heldBefore: 6 });
    for (let round = 0; round < 100; round += 1) {
      apply.drain();
      settle();
      first.output.flush();
    }
    assert.ok(apply.texts.includes("expired"));
  });

  test("turn() keeps in the store what the log in memory keeps for members that lag", () => {
    const entries = [1, 2, 3, 4, 5, 6, 7, 8].map((index) => ({
      index,
      term: 1,
      payload: new Uint8Array(ENTRY_HEADER_BYTES),
    }));
    const { driver, store, apply, settle } = makeDriverRig({
      voters: [1n, 2n, 3n],
      hardState: { term: 1, vote: 2n, commit: 8 },
      retention: { entriesMax: 2, bytesMax: 1 << 20 },
      entries,
      appliedIndex: 5,
      send: () => {},
    });
    driver.start();
    settle();
    assert.deepEqual(apply.drain(), ["entry 6", "entry 7", "entry 8"]);
    const truncations = [6, 7].map((flushedIndex) => {
      sendFlushed(apply.output, flushedIndex);
      apply.output.flush();
      settle();
      return store.truncation;
    });
    assert.deepEqual(truncations, [
      { wantedFrom: 5, heldBefore: 7 },
      // The log in memory waits with letting go until that is worth it.
      { wantedFrom: 5, heldBefore: 8 },
    ]);
    assert.equal(driver.status().firstIndex, 5);
  });

  test("turn() holds proposals while there is no leader, and refuses those beyond the bound", () => {
    const { driver, first } = makeDriverRig({ voters: [1n, 2n, 3n], send: () => {} });
    driver.start();
    for (let id = 1; id <= RAFT_HELD_PROPOSALS_MAX + 2; id += 1) {
      first.propose(id, "z");
      if (id % 100 === 0) driver.turn();
    }
    driver.turn();
    const refused = [RAFT_HELD_PROPOSALS_MAX + 2, RAFT_HELD_PROPOSALS_MAX + 1].map(
      (id) => `proposal ${id} refused: ${ErrorCode.tooManyRequests}`,
    );
    assert.deepEqual(first.drain(), refused);
  });

  test("tick() gives up proposals that waited for a leader longer than their clients do", () => {
    const sent: Message[] = [];
    const send = (_to: bigint, message: Message): void => void sent.push(message);
    const { driver, first } = makeDriverRig({ voters: [1n, 2n, 3n], send });
    driver.start();
    first.propose(1, "old");
    driver.turn();
    driver.tick(REQUEST_TICKS);
    first.propose(2, "new");
    driver.turn();
    assert.deepEqual(first.drain().slice(-1), ["role changed"]);
    driver.tick(1);
    assert.ok(first.drain().includes(`proposal 1 refused: ${ErrorCode.timeout}`));
    const { term } = driver.status();
    driver.receive(2n, { kind: "heartbeat", term: term + 1, commitIndex: 0, round: 0 });
    driver.turn();
    const proposed = sent.filter((message) => message.kind === "proposeRequest");
    assert.equal(proposed.length, 1);
    const [payload] = proposed[0]?.payloads ?? [];
    assert.equal(Buffer.from(payload ?? []).toString("latin1", 24), "new");
  });

  test("receive() takes proposals back that this life of the member made, and no others", () => {
    const sent: Message[] = [];
    const send = (_to: bigint, message: Message): void => void sent.push(message);
    const { driver, first } = makeDriverRig({ voters: [1n, 2n, 3n], send });
    driver.start();
    driver.receive(2n, { kind: "heartbeat", term: 1, commitIndex: 0, round: 0 });
    const payloads = [RIG_ORIGIN, RIG_ORIGIN + 1n].map((origin) => {
      const header = { kind: EntryKind.put, frontend: 0, origin, requestId: Number(origin) };
      const payload = new Uint8Array(ENTRY_HEADER_BYTES);
      writeEntryHeader(new DataView(payload.buffer), 0, header);
      return payload;
    });
    const malformed = new Uint8Array(ENTRY_HEADER_BYTES - 1);
    driver.receive(2n, { kind: "proposeRefused", term: 1, payloads: [...payloads, malformed] });
    driver.turn();
    driver.receive(3n, { kind: "heartbeat", term: 2, commitIndex: 0, round: 0 });
    driver.turn();
    const again = sent.find((message) => message.kind === "proposeRequest");
    assert.deepEqual(again?.payloads, payloads.slice(0, 1));

    driver.receive(3n, { kind: "proposeRefused", term: 3, payloads });
    driver.tick(REQUEST_TICKS + 1);
    const refused = first.drain().filter((line) => line.includes("refused"));
    assert.deepEqual(refused, [`proposal 1 refused: ${ErrorCode.timeout}`]);
  });

  test("receive() takes no entries in while too many bytes wait for the store, but goes on following", () => {
    const answers: Message[] = [];
    const send = (_to: bigint, message: Message): void => void answers.push(message);
    const { driver, settle } = makeDriverRig({ voters: [1n, 2n, 3n], send });
    driver.start();
    const append = (prevIndex: number): Message => ({
      kind: "appendRequest",
      term: 1,
      prevIndex,
      prevTerm: prevIndex === 0 ? 0 : 1,
      entries: [{ index: prevIndex + 1, term: 1, payload: Buffer.alloc(RAFT_UNAPPLIED_BYTES_MAX) }],
      commitIndex: 0,
    });
    driver.receive(2n, append(0));
    driver.receive(2n, append(1));
    settle();
    driver.receive(2n, append(1));
    assert.equal(driver.status().lastIndex, 2);
    driver.receive(2n, append(2));
    settle();
    assert.equal(driver.status().lastIndex, 2);
    assert.equal(driver.status().leaderId, 2n);
    const last = answers.filter((message) => message.kind === "appendAccepted").at(-1);
    assert.equal(last?.matchIndex, 2);
  });

  test("a lessor's proposal is made in the term of its leadership only, and without it in the log", () => {
    const { driver, apply, settle } = makeLeaderRig();
    const header = { kind: EntryKind.leaseRevoke, frontend: NO_FRONTEND, origin: 1n, requestId: 0 };
    const { term } = driver.status();
    sendOwnProposal(apply.output, header, Buffer.from("of another term"), term + 1);
    sendOwnProposal(apply.output, header, Buffer.from("of this term"), term);
    apply.output.flush();
    settle();
    apply.drain();
    assert.deepEqual(apply.texts.slice(-1), ["of this term"]);
    assert.ok(!apply.texts.includes("of another term"));
  });

  test("a member that differs from the others does not campaign", () => {
    const { driver, board } = makeDriverRig({ voters: [1n, 2n, 3n], send: () => {} });
    driver.start();
    board.set(BoardSlot.corruptHere, 1);
    driver.tick(100);
    assert.equal(driver.status().role, "follower");
    board.set(BoardSlot.corruptHere, 0);
    driver.tick(20);
    assert.equal(driver.status().role, "preCandidate");
  });

  test("sleepMsMax is short while only the store's progress can end a wait", () => {
    const { driver, board, first, apply, settle } = makeLeaderRig();
    assert.equal(driver.sleepMsMax, Number.POSITIVE_INFINITY);
    let id = 0;
    while (driver.status().handedOverIndex <= RAFT_APPLY_LAG_ENTRIES_MAX) {
      for (let burst = 0; burst < 300; burst += 1) {
        id += 1;
        first.propose(id, "");
      }
      settle();
      apply.drain();
    }
    assert.ok(driver.sleepMsMax < 100);
    first.propose(id + 1, "after the lag");
    settle();
    const before = driver.status().lastIndex;
    board.set(BoardSlot.appliedIndex, driver.status().handedOverIndex);
    settle();
    assert.equal(driver.status().lastIndex, before + 1);
  });

  test("close() takes nothing in any more, but finishes what is under way", () => {
    const { driver, store, first, apply, settle } = makeLeaderRig();
    first.propose(1, "a");
    driver.turn();
    driver.close();
    first.propose(2, "too late");
    assert.equal(driver.isIdle, false);
    store.finish();
    settle();
    assert.equal(driver.isIdle, true);
    assert.deepEqual(apply.drain(), ["entry 2 a"]);
  });

  test("three drivers replicate over peers, each message only after the write that it promises", () => {
    const mail: { from: bigint; to: bigint; message: Message }[] = [];
    const ids = [1n, 2n, 3n];
    const rigs = ids.map((id) =>
      makeDriverRig({
        id,
        voters: ids,
        send: (to, message) => mail.push({ from: id, to, message }),
      }),
    );
    const deliverAll = (): void => {
      for (let round = 0; round < 1000 && mail.length > 0; round += 1) {
        for (const { from, to, message } of mail.splice(0)) {
          const rig = rigs[Number(to) - 1];
          rig?.driver.receive(from, message);
          rig?.driver.turn();
        }
      }
    };
    for (const rig of rigs) rig.driver.start();
    rigs[0]?.driver.tick(20);
    deliverAll();
    assert.deepEqual(mail, [], "no vote is asked for before the candidate's term is on disk");
    for (let round = 0; round < 20; round += 1) {
      for (const rig of rigs) rig.settle();
      deliverAll();
    }
    assert.equal(rigs[0]?.driver.status().role, "leader");
    rigs[1]?.first.propose(1, "by way of a follower");
    for (let round = 0; round < 20; round += 1) {
      for (const rig of rigs) rig.settle();
      deliverAll();
      if (round % 5 === 4) rigs[0]?.driver.tick(1);
    }
    for (const rig of rigs) {
      rig.apply.drain();
      assert.ok(rig.apply.texts.includes("by way of a follower"));
    }
  });
});
