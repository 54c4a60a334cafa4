import assert from "node:assert/strict";
import { test } from "node:test";
import { Etcdctl } from "../clients/support/etcdctl.js";
import { skipWithoutEtcd } from "../support/server-process.js";
import { Cluster, untilDone } from "./support/cluster.js";
import { SUBJECT } from "./support/subject.js";

const skip = skipWithoutEtcd();

/** etcdctl against some members; a command that fails rejects with what it said. */
class Ctl {
  readonly #etcdctl: Etcdctl;

  constructor(cluster: Cluster, members: readonly number[]) {
    this.#etcdctl = new Etcdctl(members.map((one) => cluster.network.target(one)).join(","));
  }

  async run(line: string): Promise<string> {
    const { code, stdout, stderr } = await this.#etcdctl.run(line.split(" "));
    assert.equal(code, 0, `etcdctl ${line}: ${stderr}`);
    return stdout;
  }
}

interface EndpointStatus {
  readonly Endpoint: string;
  readonly Status: {
    readonly header: { readonly member_id: number };
    readonly leader: number;
    readonly raftTerm: number;
    readonly version: string;
  };
}

test("etcdctl manages a three-member cluster", { skip }, async (t) => {
  const cluster = await Cluster.start(t, { subject: SUBJECT, size: 3, places: 4 });
  const { network } = cluster;
  const ctl = new Ctl(cluster, cluster.members);
  const hex = async (member: number): Promise<string> => (await cluster.idOf(member)).toString(16);

  await t.test("member list", async () => {
    const lines = (await ctl.run("member list")).trim().split("\n").sort();
    const expected = await Promise.all(
      cluster.members.map(async (one) => {
        const urls = `${network.url(one, "peer")}, ${network.url(one, "client")}`;
        return `${await hex(one)}, started, m${one}, ${urls}, false`;
      }),
    );
    assert.deepEqual(lines, expected.sort());
  });

  await t.test("endpoint status --cluster", async () => {
    const all: EndpointStatus[] = JSON.parse(await ctl.run("endpoint status --cluster -w json"));
    const urls = cluster.members.map((one) => network.url(one, "client"));
    assert.deepEqual(all.map(({ Endpoint }) => Endpoint).sort(), urls.sort());
    assert.equal(new Set(all.map(({ Status }) => Status.leader)).size, 1, "one leader for all");
    assert.equal(new Set(all.map(({ Status }) => Status.raftTerm)).size, 1, "one term for all");
    assert.equal(new Set(all.map(({ Status }) => Status.header.member_id)).size, 3);
    assert.match(await ctl.run("endpoint health --cluster"), /(is healthy.*){3}/s);
  });

  await t.test("move-leader", async () => {
    const leader = await cluster.untilLeader();
    const follower = await cluster.follower();
    const [from, to] = [await hex(leader), await hex(follower)];
    const told = await new Ctl(cluster, [leader]).run(`move-leader ${to}`);
    assert.equal(told, `Leadership transferred from ${from} to ${to}\n`);
    assert.equal(await cluster.untilLeader(leader), follower);
  });

  await t.test("member add --learner, promote, update, remove", async () => {
    const url = network.url(4, "peer");
    // Strict checks refuse until the members have been connected for a while.
    const added = await untilDone(() => ctl.run(`member add m4 --learner --peer-urls=${url}`));
    const id = /Member\s+(\w+) added to cluster/.exec(added)?.[1] ?? "";
    assert.match(added, /ETCD_INITIAL_CLUSTER_STATE="existing"/);
    assert.match(await ctl.run("member list"), new RegExp(`${id}, unstarted, , ${url}, , true`));
    await cluster.join(4);
    assert.match(await ctl.run("member list"), new RegExp(`${id}, started, m4, ${url}, .*, true`));

    const promoted = await untilDone(() => ctl.run(`member promote ${id}`));
    assert.match(promoted, new RegExp(`Member\\s+${id} promoted in cluster`));
    const other = url.replace(/\d+$/, "65535");
    const updated = await ctl.run(`member update ${id} --peer-urls=${url},${other}`);
    assert.match(updated, new RegExp(`Member\\s+${id} updated in cluster`));
    assert.match(await ctl.run("member list"), new RegExp(`m4, ${url},${other}, .*, false`));

    const removed = await untilDone(() => ctl.run(`member remove ${id}`));
    assert.match(removed, new RegExp(`Member\\s+${id} removed from cluster`));
    const code = await cluster.leave(4);
    if (SUBJECT === "capstan") assert.equal(code, 0, cluster.process(4).output.slice(-2000));
    assert.equal((await ctl.run("member list")).trim().split("\n").length, 3);
  });
});
