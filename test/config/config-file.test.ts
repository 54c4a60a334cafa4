import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { configOf, notesNamed, running, usageFault, verifyFault } from "./config-input.js";

function withFile(text: string, argv: readonly string[] = ["--config-file=c.yml"]) {
  return configOf(argv, { files: { "c.yml": text } });
}

function matcher(error: string | RegExp): RegExp {
  if (typeof error !== "string") return error;
  return new RegExp(`^${error.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")}$`);
}

describe("a configuration file", () => {
  test("replaces flags and variables", () => {
    const outcome = configOf(["--config-file=c.yml", "--name=flag"], {
      env: { ETCD_MAX_TXN_OPS: "7", ETCD_NAME: "variable" },
      files: { "c.yml": "heartbeat-interval: 50\n" },
    });
    const { config, notes } = running(outcome);
    assert.equal(config.name, "default");
    assert.equal(config.maxTxnOps, 128);
    assert.equal(config.heartbeatIntervalMs, 50);
    assert.match(notes[0]?.message ?? "", /^loaded server configuration, other configuration/);
    assert.deepEqual(notes[0]?.fields, { path: "c.yml" });
  });

  test("is also named by its variable, behind the flag", () => {
    const files = { "a.yml": "name: a\n", "b.yml": "name: b\n" };
    const env = { ETCD_CONFIG_FILE: "a.yml" };
    assert.equal(running(configOf([], { env, files })).config.name, "a");
    assert.equal(running(configOf(["--config-file=b.yml"], { env, files })).config.name, "b");
  });

  test("has durations in nanoseconds, URLs as one text, keys in any case, or is JSON", () => {
    const { config } = running(
      withFile(`
# comment
Name: m1
LISTEN-CLIENT-URLS: http://127.0.0.1:1,http://127.0.0.1:2
watch-progress-notify-interval: 5000000000
auto-compaction-retention: "8"
log-outputs: [stderr, /tmp/x.log]
client-transport-security:
  cert-file: ""
  client-cert-auth: false
feature-gates: "PriorityRequest=true"
initial-cluster-token: 'tok'
`),
    );
    assert.equal(config.name, "m1");
    assert.equal(config.listenClientUrls.length, 2);
    assert.equal(config.watchProgressNotifyIntervalMs, 5000);
    assert.deepEqual(config.autoCompaction, { kind: "periodic", retentionMs: 28_800_000 });
    assert.deepEqual(config.log.outputs, ["stderr", "/tmp/x.log"]);
    assert.equal(config.featureGates.PriorityRequest, true);
    const json = running(withFile('{"name": "j", "pre-vote": false, "data-dir": "/d"}'));
    assert.equal(json.config.name, "j");
    assert.equal(json.config.preVote, false);
  });

  test("may be empty", () => {
    assert.equal(running(withFile("")).config.name, "default");
  });

  test("draws a warning for keys that nobody knows", () => {
    const { notes } = running(withFile("naem: x\nclient-transport-security: {foo: 1}\n"));
    const unknown = notesNamed(notes, "unrecognized key in the configuration file");
    assert.deepEqual(
      unknown.map(({ fields }) => fields.key),
      ["naem", "client-transport-security.foo"],
    );
  });

  const prefix = "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal";
  const field = "into Go struct field configYAML.Config";
  const faults: readonly (readonly [text: string, error: string | RegExp])[] = [
    ['heartbeat-interval: "10m"', `${prefix} string ${field}.heartbeat-interval of type uint`],
    [
      "grpc-keepalive-min-time: 10m",
      `${prefix} string ${field}.grpc-keepalive-min-time of type time.Duration`,
    ],
    ["name: 5", `${prefix} number ${field}.name of type string`],
    ["pre-vote: 1", `${prefix} number ${field}.pre-vote of type bool`],
    ["heartbeat-interval: -1", `${prefix} number -1 ${field}.heartbeat-interval of type uint`],
    ["log-outputs: foo", `${prefix} string ${field}.log-outputs of type []string`],
    ["initial-cluster-state: foo", 'unexpected clusterState "foo"'],
    ["name: [x", /^error converting YAML to JSON: yaml: ./],
    ["client-transport-security: {auto-tls: true}", /^--auto-tls: this part of TLS with clients/],
  ];

  test("has the peers' TLS in a map of its own", () => {
    const text = "peer-transport-security: {cert-file: a, key-file: b, client-cert-auth: true}";
    assert.deepEqual(running(withFile(text)).config.peerTls, {
      certFile: "a",
      keyFile: "b",
      trustedCaFile: "",
      clientCertAuth: true,
    });
  });

  test("has the clients' TLS in another", () => {
    const text = "client-transport-security: {cert-file: a, key-file: b, trusted-ca-file: c}";
    assert.deepEqual(running(withFile(text)).config.clientTls, {
      certFile: "a",
      keyFile: "b",
      trustedCaFile: "c",
      clientCertAuth: false,
    });
  });

  for (const [text, error] of faults) {
    test(`fails verification on ${text}`, () => {
      assert.match(String(verifyFault(withFile(text))), matcher(error));
    });
  }

  test("prints a bad URL as it is and exits 1", () => {
    const outcome = withFile("listen-peer-urls: foo");
    assert.equal(
      usageFault(outcome),
      "unexpected error setting up listen-peer-urls: URL scheme must be http, https, unix, or unixs: foo",
    );
    assert.ok(outcome.kind === "usage-error" && outcome.exitCode === 1);
  });

  test("is missed in the words of the system", () => {
    assert.equal(
      verifyFault(configOf(["--config-file=/nope"])),
      "open /nope: no such file or directory",
    );
  });
});
