import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { rosterMember } from "../../src/main/bootstrap/bootstrap-member.js";
import type { BootstrapOutcome } from "../../src/main/bootstrap/bootstrap-outcome.js";
import { defaultRouteInterface } from "../../src/main/config/default-host.js";
import {
  addedMemberId,
  bootstrapMemberId,
  clusterId,
  idText,
} from "../../src/main/config/member-id.js";
import { memberIdentity } from "../../src/main/identity.js";
import { decodeMembership } from "../../src/shared/messages/membership.js";
import { nodeDisk } from "../../src/wal/node-disk.js";
import { createWal } from "../../src/wal/open-wal.js";
import type { WalMetadata } from "../../src/wal/types.js";
import { configOf, running } from "./config-input.js";

describe("ids", () => {
  test("are those of countless etcd logs", () => {
    const id = bootstrapMemberId(["http://localhost:2380"], "etcd-cluster");
    assert.equal(idText(id), "8e9e05c52164694d");
    assert.equal(idText(clusterId([id])), "cdf818194e3a8c32");
    const other = bootstrapMemberId(["http://127.0.0.1:23791"], "ops-tok");
    assert.equal(idText(other), "584332866ccc9768");
  });

  test("do not depend on the order of URLs or members", () => {
    const id = bootstrapMemberId(["http://a:1", "http://b:1"], "t");
    assert.equal(bootstrapMemberId(["http://b:1", "http://a:1"], "t"), id);
    assert.equal(clusterId([1n, 2n ** 63n]), clusterId([2n ** 63n, 1n]));
  });

  test("of added members depend on the time and on no token", () => {
    assert.notEqual(addedMemberId(["http://a:1"], 1), addedMemberId(["http://a:1"], 2));
    assert.equal(addedMemberId(["http://a:1"], 5), bootstrapMemberId(["http://a:1"], "5"));
  });

  test("show without padding", () => {
    assert.equal(idText(0x0abcn), "abc");
  });
});

describe("memberIdentity", () => {
  const MEMBER = rosterMember(running(configOf([])).config);
  const dirs: string[] = [];

  after(() => {
    for (const dir of dirs) rmSync(dir, { recursive: true, force: true });
  });

  /** A directory for a log, with one in it if somebody's is asked for. */
  async function walDir(log?: WalMetadata): Promise<string> {
    const directory = mkdtempSync(join(tmpdir(), "capstan-identity-"));
    dirs.push(directory);
    if (log === undefined) return directory;
    const wal = await createWal({ disk: nodeDisk, directory, drawSalt: () => 1n }, log);
    await wal.close();
    return directory;
  }

  function identityOf(directory: string, outcome: BootstrapOutcome, ...argv: readonly string[]) {
    return memberIdentity(directory, running(configOf(argv)).config, async () => outcome);
  }

  test("is what the bootstrap finds while there is no log", async () => {
    assert.ok(MEMBER !== undefined);
    const found = await identityOf(await walDir(), { ok: true, member: MEMBER });
    assert.deepEqual(
      { memberId: found.memberId, clusterId: found.clusterId, hasLog: found.hasLog },
      { memberId: 0x8e9e05c52164694dn, clusterId: 0xcdf818194e3a8c32n, hasLog: false },
    );
    assert.deepEqual(found.bootstrap, MEMBER.bootstrap);
    assert.deepEqual(decodeMembership(found.seeds).members, MEMBER.members);
    const refused = identityOf(await walDir(), { ok: false, error: "no roster" });
    await assert.rejects(refused, { name: "BootstrapError", message: "no roster" });
  });

  test("is that of the log when there is one; nobody is asked", async () => {
    const directory = await walDir({ memberId: 7n, clusterId: 8n });
    const found = await identityOf(directory, { ok: false, error: "asked" });
    assert.deepEqual([found.memberId, found.clusterId, found.hasLog], [7n, 8n, true]);
    assert.deepEqual(found.bootstrap, []);
    assert.deepEqual(decodeMembership(found.seeds).members, []);
  });

  test("still gives the first entries to a log that a crash may have left empty", async () => {
    assert.ok(MEMBER !== undefined);
    const directory = await walDir(MEMBER);
    const again = await identityOf(directory, { ok: false, error: "asked" });
    assert.deepEqual(again.bootstrap, MEMBER.bootstrap);
    const joining = await identityOf(
      directory,
      { ok: false, error: "asked" },
      "--initial-cluster-state=existing",
    );
    assert.deepEqual(joining.bootstrap, []);
  });
});

describe("defaultRouteInterface", () => {
  test("finds the route to everywhere", () => {
    const table = [
      "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT",
      "eth1\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0",
      "eth0\t00000000\t0100000A\t0003\t0\t0\t0\t00000000\t0\t0\t0",
    ].join("\n");
    assert.equal(defaultRouteInterface(table), "eth0");
    assert.equal(defaultRouteInterface(""), undefined);
  });
});
