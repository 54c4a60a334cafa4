import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { skipWithoutEtcd } from "../support/server-process.js";
import { KEY_SESSIONS, LEASE_SESSIONS, SERVER_SESSIONS, TXN_SESSIONS } from "./support/sessions.js";
import { SidePair } from "./support/side-pair.js";

describe("etcdctl says of capstan what it says of etcd", { skip: skipWithoutEtcd() }, () => {
  let pair: SidePair;
  before(async () => {
    pair = await SidePair.start();
  });
  after(() => pair.dispose());

  for (const { name, commands } of [
    ...SERVER_SESSIONS,
    ...KEY_SESSIONS,
    ...TXN_SESSIONS,
    ...LEASE_SESSIONS,
  ]) {
    test(name, () => pair.compareSession(commands));
  }

  test("get --keys-only shows the lease with 3.5 and not with 3.7 (R-16)", async () => {
    const { etcd, capstan } = pair;
    for (const side of [etcd, capstan]) {
      await side.run({ line: "lease grant 600", grants: "L9" });
      await side.run({ line: "put leased v --lease=$L9" });
    }
    const line = "get leased --keys-only -w json";
    assert.match(JSON.stringify(await etcd.run({ line })), /\\"lease\\":L9/);
    assert.doesNotMatch(JSON.stringify(await capstan.run({ line })), /lease\\"/);
  });
});
