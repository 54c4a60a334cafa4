import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bootstrapMember } from "../../src/main/config/bootstrap-member.js";
import { defaultRouteInterface } from "../../src/main/config/default-host.js";
import {
  addedMemberId,
  bootstrapMemberId,
  clusterId,
  idText,
} from "../../src/main/config/member-id.js";
import { configOf, running } from "./config-input.js";

function bootstrap(...argv: readonly string[]) {
  return bootstrapMember(running(configOf(argv)).config);
}

function bootstrapFault(...argv: readonly string[]): string {
  const outcome = bootstrap(...argv);
  return outcome.ok ? "" : outcome.error;
}

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

describe("bootstrapMember", () => {
  test("takes the ids from the roster", () => {
    const outcome = bootstrap();
    assert.ok(outcome.ok);
    assert.deepEqual(outcome.member, {
      memberId: 0x8e9e05c52164694dn,
      clusterId: 0xcdf818194e3a8c32n,
      name: "default",
      peerUrls: ["http://localhost:2380"],
    });
  });

  const faults: readonly (readonly [argv: readonly string[], error: string | RegExp])[] = [
    [
      ["--initial-cluster=a=http://127.0.0.1:1"],
      `couldn't find local name "default" in the initial cluster configuration`,
    ],
    [
      ["--initial-cluster=default=http://127.0.0.1:1"],
      '--initial-cluster has default=http://127.0.0.1:1 but missing from --initial-advertise-peer-urls=http://localhost:2380 (resolved urls: "http://localhost:2380" != "http://127.0.0.1:1")',
    ],
    [
      ["--initial-cluster=default=http://localhost:2380,default=http://localhost:2390"],
      '--initial-cluster has default=http://localhost:2390 but missing from --initial-advertise-peer-urls=http://localhost:2380 (len(["http://localhost:2380"]) != len(["http://localhost:2380" "http://localhost:2390"]))',
    ],
    [
      ["--initial-cluster=foo"],
      "error setting up initial cluster: URL scheme must be http, https, unix, or unixs: ",
    ],
    [
      ["--initial-cluster=default=127.0.0.1:1"],
      'error setting up initial cluster: parse "127.0.0.1:1": first path segment in URL cannot contain colon',
    ],
    [
      ["--initial-cluster=default=http://localhost:2380,b=http://127.0.0.1:3"],
      "multi-member clusters are not supported yet by this version (--initial-cluster has default, b)",
    ],
    [
      ["--initial-cluster-state=existing"],
      "joining an existing cluster is not supported yet by this version",
    ],
  ];
  for (const [argv, error] of faults) {
    test(`refuses ${argv.join(" ")}`, () => {
      assert.equal(bootstrapFault(...argv), error);
    });
  }

  test("takes localhost and 127.0.0.1 for one host", () => {
    assert.equal(bootstrapFault("--initial-cluster=default=http://127.0.0.1:2380"), "");
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
