import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { KnownCluster } from "../../src/main/bootstrap/ask-members.js";
import { bootstrapMember, rosterMember } from "../../src/main/bootstrap/bootstrap-member.js";
import type {
  BootstrapMember,
  BootstrapOutcome,
  BootstrapPorts,
} from "../../src/main/bootstrap/bootstrap-outcome.js";
import { idText } from "../../src/main/config/member-id.js";
import { peerPort } from "../../src/main/config/peer-port.js";
import type { ServerConfig } from "../../src/main/config/server-config.js";
import type { Member } from "../../src/shared/gen/etcdserverpb/rpc.js";
import { ConfChangeType, decodeConfChange } from "../../src/shared/messages/conf-change.js";
import {
  ENTRY_HEADER_BYTES,
  EntryKind,
  NO_FRONTEND,
  readEntryHeader,
} from "../../src/shared/messages/entry.js";
import { configOf, running } from "./config-input.js";
import { START_ERRORS } from "./usage-errors.js";

const A = "http://127.0.0.1:1";
const B = "http://127.0.0.1:2";
const C = "http://127.0.0.1:3";
const THREE = `--initial-cluster=a=${A},b=${B},c=${C}`;

function configFor(...argv: readonly string[]): ServerConfig {
  return running(configOf(argv)).config;
}

/** A world in which these members answer, by URL, and these names resolve. */
function portsFor(
  answers: Readonly<Record<string, KnownCluster>> = {},
  hosts: Readonly<Record<string, string>> = {},
): BootstrapPorts & { readonly pauses: number[]; readonly silent: string[] } {
  const pauses: number[] = [];
  const silent: string[] = [];
  return {
    pauses,
    silent,
    ask: async (url) => {
      const answer = answers[url.text];
      if (answer === undefined) throw new Error("connection refused");
      return answer;
    },
    resolver: {
      lookup: async (host) => {
        const address = hosts[host];
        // A name that appears only after some tries.
        if (address === undefined || pauses.length < 2) throw new Error(`no such host ${host}`);
        return address;
      },
      pause: async (ms) => void pauses.push(ms),
      unresolved: () => {},
    },
    unanswered: (url) => void silent.push(url.text),
  };
}

function member(outcome: BootstrapOutcome): BootstrapMember {
  assert.ok(outcome.ok, outcome.ok ? "" : outcome.error);
  return outcome.member;
}

function fault(outcome: BootstrapOutcome): string {
  return outcome.ok ? "" : outcome.error;
}

function known(ID: bigint, url: string, name = ""): Member {
  const clientURLs = name === "" ? [] : ["http://127.0.0.1:9"];
  return { ID, name, peerURLs: [url], clientURLs, isLearner: false };
}

describe("bootstrapMember, a new cluster", () => {
  test("of one member has the ids that are known", async () => {
    const { memberId, clusterId, bootstrap } = member(
      await bootstrapMember(configFor(), portsFor()),
    );
    assert.equal(idText(memberId), "8e9e05c52164694d");
    assert.equal(idText(clusterId), "cdf818194e3a8c32");
    assert.equal(bootstrap.length, 1);
  });

  test("begins with the same entries on every member, in the order of the ids", async () => {
    const found = await Promise.all(
      ["a", "b", "c"].map(async (name, i) => {
        const url = [A, B, C][i];
        const argv = [`--name=${name}`, `--initial-advertise-peer-urls=${url}`, THREE];
        return member(await bootstrapMember(configFor(...argv), portsFor()));
      }),
    );
    const [first] = found;
    assert.ok(first !== undefined);
    for (const each of found) {
      assert.deepEqual(each.bootstrap, first.bootstrap);
      assert.equal(each.clusterId, first.clusterId);
    }
    const changes = first.bootstrap.map((payload) => {
      const header = { kind: EntryKind.none, frontend: 0, origin: 1n, requestId: 1 };
      const view = new DataView(payload.buffer, payload.byteOffset);
      assert.deepEqual(readEntryHeader(view, 0, header), {
        kind: EntryKind.confChange,
        frontend: NO_FRONTEND,
        origin: 0n,
        requestId: 0,
      });
      return decodeConfChange(payload.subarray(ENTRY_HEADER_BYTES));
    });
    const ids = changes.map((change) => change.member.ID);
    assert.deepEqual(
      [...ids].sort((x, y) => (x < y ? -1 : 1)),
      ids,
    );
    assert.deepEqual(new Set(ids), new Set(found.map(({ memberId }) => memberId)));
    assert.ok(changes.every(({ type }) => type === ConfChangeType.addVoter));
    assert.deepEqual(changes.map((change) => change.member.peerURLs[0]).sort(), [A, B, C]);
    assert.ok(changes.every((change) => change.member.name === ""));
  });

  test("has other ids with another token", async () => {
    const argv = ["--name=a", `--initial-advertise-peer-urls=${A}`, THREE];
    const one = member(await bootstrapMember(configFor(...argv), portsFor()));
    const config = configFor(...argv, "--initial-cluster-token=other");
    const other = member(await bootstrapMember(config, portsFor()));
    assert.notEqual(one.memberId, other.memberId);
    assert.notEqual(one.clusterId, other.clusterId);
  });

  test("is refused when another member knows that this one has run before", async () => {
    const config = configFor("--name=a", `--initial-advertise-peer-urls=${A}`, THREE);
    const { memberId, clusterId } = member(await bootstrapMember(config, portsFor()));
    const ran = { clusterId, members: [known(memberId, A, "a"), known(5n, B, "b")] };
    assert.equal(
      fault(await bootstrapMember(config, portsFor({ [B]: ran }))),
      `member ${idText(memberId)} has already been bootstrapped`,
    );
    const fresh = { clusterId, members: [known(memberId, A), known(5n, B, "b")] };
    member(await bootstrapMember(config, portsFor({ [B]: fresh })));
  });

  test("resolves names that differ as texts, and waits for them", async () => {
    const config = configFor(
      "--name=a",
      "--initial-advertise-peer-urls=http://a.test:1",
      "--initial-cluster=a=http://127.0.0.1:1",
    );
    const ports = portsFor({}, { "a.test": "127.0.0.1" });
    member(await bootstrapMember(config, ports));
    assert.deepEqual(ports.pauses, [1000, 1000]);
    const nowhere = fault(await bootstrapMember(config, portsFor()));
    assert.match(nowhere, /\(resolved urls: "http:\/\/a.test:1" != "http:\/\/127.0.0.1:1"\)$/);
  });

  test("is refused when more URLs are advertised than the roster has", async () => {
    const config = configFor(
      "--name=a",
      `--initial-advertise-peer-urls=${A},${B}`,
      `--initial-cluster=a=${A}`,
    );
    assert.equal(
      fault(await bootstrapMember(config, portsFor())),
      `--initial-advertise-peer-urls has ${B} but missing from --initial-cluster=a=${A}`,
    );
  });
});

describe("bootstrapMember, an existing cluster", () => {
  const argv = ["--name=b", "--initial-cluster-state=existing", `--initial-cluster=a=${A},b=${B}`];
  const clusterId = 0xabcn;
  const added = { clusterId, members: [known(7n, A, "a"), known(9n, B)] };

  test("gives the ids, and no entries", async () => {
    const found = member(await bootstrapMember(configFor(...argv), portsFor({ [A]: added })));
    assert.deepEqual(found, { memberId: 9n, clusterId, bootstrap: [], members: added.members });
  });

  test("is that of the member that agrees, if another one lags", async () => {
    const roster = `--initial-cluster=a=${A},b=${B},c=${C}`;
    const lagging = { clusterId, members: [known(7n, A, "a"), known(8n, C, "c")] };
    const current = { clusterId, members: [...lagging.members, known(9n, B)] };
    const ports = portsFor({ [A]: lagging, [C]: current });
    const found = member(await bootstrapMember(configFor(...argv.slice(0, 2), roster), ports));
    assert.equal(found.memberId, 9n);
  });

  test("is refused when nobody answers", async () => {
    const ports = portsFor();
    assert.match(fault(await bootstrapMember(configFor(...argv), ports)), /^cannot fetch cluster/);
    assert.deepEqual(ports.silent, [A]);
  });

  test("is refused when the roster has another number of members", async () => {
    const one = { clusterId, members: [known(7n, A, "a")] };
    assert.equal(
      fault(await bootstrapMember(configFor(...argv), portsFor({ [A]: one }))),
      `error validating peerURLs {ClusterID:abc Members:[&{ID:7 RaftAttributes:{PeerURLs:[${A}] IsLearner:false} Attributes:{Name:a ClientURLs:[http://127.0.0.1:9]}}] RemovedMemberIDs:[]}: member count is unequal`,
    );
  });

  test("is refused when a member has other URLs", async () => {
    const other = { clusterId, members: [known(7n, A, "a"), known(9n, C)] };
    const text = fault(await bootstrapMember(configFor(...argv), portsFor({ [A]: other })));
    const end = `: PeerURLs: no match found for existing member (9, [${C}]), last resolver error (resolved urls: "${C}" != "${B}")`;
    assert.ok(text.endsWith(end), text);
  });

  test("is refused to a member that ran before and has lost its data", async () => {
    const ran = { clusterId, members: [known(7n, A, "a"), known(9n, B, "b")] };
    assert.match(
      fault(await bootstrapMember(configFor(...argv), portsFor({ [A]: ran }))),
      /^member 9 has already been bootstrapped, its data is missing/,
    );
  });
});

describe("a start that cannot be", () => {
  for (const [argv, error] of START_ERRORS) {
    test(`is refused: ${argv.join(" ")}`, async () => {
      const config = configFor(...argv);
      const peer = peerPort(config);
      const found = peer.ok ? fault(await bootstrapMember(config, portsFor())) : peer.error;
      assert.equal(found, error);
    });
  }
});

describe("rosterMember", () => {
  test("is what a new cluster's member is, without asking anybody", async () => {
    const config = configFor("--name=a", `--initial-advertise-peer-urls=${A}`, THREE);
    assert.deepEqual(rosterMember(config), member(await bootstrapMember(config, portsFor())));
  });

  test("is nobody for a member that joins, or is not in the roster", () => {
    assert.equal(rosterMember(configFor("--name=x", THREE)), undefined);
    assert.equal(
      rosterMember(configFor("--name=a", THREE, "--initial-cluster-state=existing")),
      undefined,
    );
  });
});
