import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { API_VERSION } from "../../src/shared/version.js";
import { configOf, notesNamed, running, usageFault, verifyFault } from "./config-input.js";
import { USAGE_ERRORS, VERIFY_ERRORS } from "./usage-errors.js";

describe("parseConfig, texts that runbooks quote", () => {
  for (const [argv, line] of USAGE_ERRORS) {
    test(`exits 2 on ${argv.join(" ")}`, () => {
      const outcome = configOf(argv);
      assert.equal(usageFault(outcome), line);
      assert.ok(outcome.kind === "usage-error" && outcome.exitCode === 2);
      assert.match(outcome.lines[1] ?? "", /^Usage:/);
    });
  }

  for (const [argv, error] of VERIFY_ERRORS) {
    test(`exits 1 on ${argv.join(" ")}`, () => {
      assert.equal(verifyFault(configOf(argv)), error);
    });
  }

  test("says which arguments it got before it says what is wrong with them", () => {
    const outcome = configOf(["--election-timeout=0"]);
    assert.ok(outcome.kind === "verify-error");
    assert.deepEqual(
      outcome.notes.map(({ level, message }) => [level, message]),
      [
        ["info", "Running: "],
        ["warn", "failed to verify flags"],
      ],
    );
    assert.deepEqual(outcome.notes[0]?.fields.args, ["capstan", "--election-timeout=0"]);
  });

  test("says twice that the advertised URLs are missing, as etcd does", () => {
    const outcome = configOf(["--listen-client-urls=http://127.0.0.1:1"]);
    assert.ok(outcome.kind === "verify-error");
    assert.equal(outcome.notes.at(-1)?.message, "advertise client URLs are not set");
  });

  test("exits 2 on an unknown log level", () => {
    const outcome = configOf(["--log-level=foo"]);
    assert.match(usageFault(outcome), /unrecognized level: "foo"$/);
    assert.ok(outcome.kind === "usage-error" && outcome.exitCode === 2);
  });

  const unknownWithEtcd35: readonly (readonly [argv: readonly string[], error: string])[] = [
    [["--log-format=foo"], "unknown log format: foo, supported values json, console"],
    [
      ["--feature-gates=LeaseCheckpointPersist=true"],
      "enabling feature gate LeaseCheckpointPersist requires enabling feature gate LeaseCheckpoint",
    ],
    [
      ["--auto-compaction-retention=foo"],
      'error parsing CompactionRetention: time: invalid duration "foo"',
    ],
    [
      ["--auto-compaction-retention=-5"],
      'error parsing CompactionRetention: time: missing unit in duration "-5"',
    ],
    [
      ["--auto-compaction-mode=revision", "--auto-compaction-retention=5m"],
      'error parsing CompactionRetention: "5m" is no number of revisions',
    ],
    [["--grpc-keepalive-timeout=-1s"], "--grpc-keepalive-timeout must be >=0 (set to -1s)"],
    [["--listen-peer-urls=http://127.0.0.1:99999"], "listen tcp: address 99999: invalid port"],
  ];
  for (const [argv, error] of unknownWithEtcd35) {
    test(`exits 1 on ${argv.join(" ")}`, () => {
      assert.equal(verifyFault(configOf(argv)), error);
    });
  }

  test("names an unknown feature gate and a gate without value", () => {
    assert.equal(
      usageFault(configOf(["--feature-gates=Foo=true"])),
      'invalid value "Foo=true" for flag -feature-gates: unrecognized feature gate: Foo',
    );
    assert.equal(
      usageFault(configOf(["--feature-gates=InitialCorruptCheck"])),
      'invalid value "InitialCorruptCheck" for flag -feature-gates: missing bool value for InitialCorruptCheck',
    );
  });
});

describe("parseConfig, what this version cannot do", () => {
  const refused: readonly (readonly [argv: readonly string[], error: RegExp])[] = [
    [["--auto-tls"], /^--auto-tls: this part of TLS with clients is not supported yet/],
    [["--discovery-srv=example.com"], /^--discovery-srv: discovery is not supported yet/],
    [["--peer-auto-tls"], /^--peer-auto-tls: this part of TLS between members is not supported/],
    [
      ["--listen-peer-urls=unix://127.0.0.1:2380"],
      /^--listen-peer-urls unix:\/\/127.0.0.1:2380: unix sockets between members/,
    ],
    [
      ["--listen-peer-urls=http://127.0.0.1:1,https://127.0.0.1:2"],
      /^--listen-peer-urls http:\/\/127.0.0.1:1 and https:\/\/127.0.0.1:2: http and https cannot/,
    ],
    [["--enable-log-rotation"], /^--enable-log-rotation: log rotation is not supported yet/],
    [["--host-whitelist=a"], /^--host-whitelist: /],
  ];
  for (const [argv, error] of refused) {
    test(`refuses ${argv.join(" ")}`, () => {
      assert.match(String(verifyFault(configOf(argv))), error);
    });
  }

  test("takes a refused flag at its default", () => {
    running(configOf(["--auto-tls=false", "--client-crl-file=", "--tls-min-version=TLS1.2"]));
  });

  test("warns about each flag without effect", () => {
    const { notes } = running(
      configOf([
        "--max-wals=7",
        "--max-snapshots=5",
        "--peer-heartbeat-interval=3",
        "--listen-peer-urls=http://127.0.0.1:0",
        "--feature-gates=InitialCorruptCheck=true",
      ]),
    );
    assert.deepEqual(
      notesNamed(notes, "flag has no effect").map(({ level, fields }) => [level, fields.flag]),
      [
        ["warn", "--max-wals"],
        ["warn", "--peer-heartbeat-interval"],
      ],
    );
    assert.deepEqual(
      notesNamed(notes, "feature gate has no effect").map(({ fields }) => fields.gate),
      ["InitialCorruptCheck"],
    );
  });
});

describe("parseConfig, values", () => {
  test("takes the settings of a cluster", () => {
    const { config } = running(
      configOf([
        "--listen-peer-urls=https://127.0.0.1:2380",
        "--peer-cert-file=c.pem",
        "--peer-key-file=k.pem",
        "--peer-trusted-ca-file=ca.pem",
        "--peer-client-cert-auth",
        "--force-new-cluster",
        "--strict-reconfig-check=false",
        "--max-learners=3",
        "--initial-election-tick-advance=false",
      ]),
    );
    assert.deepEqual(config.peerTls, {
      certFile: "c.pem",
      keyFile: "k.pem",
      trustedCaFile: "ca.pem",
      clientCertAuth: true,
    });
    const { forceNewCluster, strictReconfigCheck, maxLearners, initialElectionTickAdvance } =
      config;
    assert.deepEqual(
      { forceNewCluster, strictReconfigCheck, maxLearners, initialElectionTickAdvance },
      {
        forceNewCluster: true,
        strictReconfigCheck: false,
        maxLearners: 3,
        initialElectionTickAdvance: false,
      },
    );
  });

  test("keeps as many entries for followers as the operator wants, under the flag's old name, too", () => {
    for (const name of ["snapshot-catchup-entries", "experimental-snapshot-catchup-entries"]) {
      assert.equal(running(configOf([`--${name}=5000`])).config.catchUpEntriesMax, 5000);
    }
  });

  test("fills in etcd's defaults", () => {
    const { config, notes } = running(configOf([]));
    const { listenClientUrls, advertiseClientUrls, featureGates, ...rest } = config;
    assert.deepEqual(
      [...listenClientUrls, ...advertiseClientUrls].map(({ text }) => text),
      ["http://localhost:2379", "http://localhost:2379"],
    );
    assert.equal(featureGates.FastLeaseKeepAlive, true);
    assert.equal(rest.name, "default");
    assert.equal(rest.dataDir, "default.etcd");
    assert.equal(rest.walDir, undefined);
    assert.equal(rest.initialCluster, "default=http://localhost:2380");
    assert.equal(rest.quotaBackendBytes, 2 * 1024 ** 3);
    assert.equal(rest.maxRequestBytes, 1_572_864);
    assert.equal(rest.maxTxnOps, 128);
    assert.equal(rest.maxLearners, 1);
    assert.equal(rest.forceNewCluster, false);
    assert.equal(rest.strictReconfigCheck, true);
    assert.equal(rest.preVote, true);
    assert.equal(rest.catchUpEntriesMax, undefined);
    assert.equal(rest.maxConcurrentStreams, 4_294_967_295);
    assert.deepEqual(rest.autoCompaction, { kind: "off" });
    assert.deepEqual(rest.log, { level: "info", format: "json", outputs: ["stderr"] });
    assert.equal(rest.grpcKeepaliveIntervalMs, 7_200_000);
    assert.equal(rest.watchProgressNotifyIntervalMs, 600_000);
    assert.equal(notesNamed(notes, "'data-dir' was empty; using default").length, 1);
  });

  test("takes one dash or two, a word apart or behind the equals sign, and the last word", () => {
    const { config } = running(
      configOf(["-name", "a", "--max-txn-ops=0x10", "-name=b", "-pre-vote=F", "--max-txn-ops=1_0"]),
    );
    assert.equal(config.name, "b");
    assert.equal(config.maxTxnOps, 10);
    assert.equal(config.preVote, false);
  });

  test("derives the roster from name and peer URLs", () => {
    const { config } = running(
      configOf(["--name=m1", "--initial-advertise-peer-urls=http://b:1,http://a:1,http://a:1"]),
    );
    assert.equal(config.initialCluster, "m1=http://a:1,m1=http://b:1");
    assert.equal(config.dataDir, "m1.etcd");
  });

  test("advertises the default host when it listens everywhere and nobody said more", () => {
    const argv = [
      "--listen-client-urls=http://0.0.0.0:1111",
      "--advertise-client-urls=http://localhost:2379",
      "--listen-peer-urls=http://[::]:2222",
    ];
    const { config, notes } = running(configOf(argv, { defaultHost: () => "10.1.2.3" }));
    assert.equal(config.advertiseClientUrls[0]?.text, "http://10.1.2.3:1111");
    assert.equal(config.initialCluster, "default=http://10.1.2.3:2222");
    assert.equal(notesNamed(notes, "detected default host for advertise").length, 1);
    const without = running(configOf(argv));
    assert.equal(without.config.advertiseClientUrls[0]?.text, "http://localhost:2379");
  });

  const compactions: readonly (readonly [mode: string, retention: string, wanted: unknown])[] = [
    ["periodic", "0", { kind: "off" }],
    ["periodic", "", { kind: "off" }],
    ["periodic", "8", { kind: "periodic", retentionMs: 8 * 3_600_000 }],
    ["periodic", "5m", { kind: "periodic", retentionMs: 300_000 }],
    ["revision", "1000", { kind: "revision", retentionRevisions: 1000 }],
    ["revision", "0", { kind: "off" }],
  ];
  for (const [mode, retention, wanted] of compactions) {
    test(`auto compaction ${mode} of ${JSON.stringify(retention)}`, () => {
      const { config } = running(
        configOf([`--auto-compaction-mode=${mode}`, `--auto-compaction-retention=${retention}`]),
      );
      assert.deepEqual(config.autoCompaction, wanted);
    });
  }

  test("switches the quota off by a negative number, and warns above 8 GiB", () => {
    assert.equal(running(configOf(["--quota-backend-bytes=-1"])).config.quotaBackendBytes, 0);
    const large = running(configOf(["--quota-backend-bytes=9000000000"]));
    assert.equal(large.config.quotaBackendBytes, 9_000_000_000);
    assert.deepEqual(notesNamed(large.notes, "quota exceeds the maximum value")[0]?.fields, {
      "quota-size-bytes": 9_000_000_000,
      "quota-size": "9.0 GB",
      "quota-maximum-size-bytes": 8_589_934_592,
      "quota-maximum-size": "8.6 GB",
    });
  });

  test("warns about requests above 10 MiB and raises too short progress periods", () => {
    const { config, notes } = running(
      configOf(["--max-request-bytes=20000000", "--watch-progress-notify-interval=1ms"]),
    );
    assert.equal(notesNamed(notes, "exceeded recommended request limit").length, 1);
    assert.equal(config.watchProgressNotifyIntervalMs, 100);
  });

  test("takes etcd 3.5's experimental names with a warning, and refuses both names together", () => {
    const { config, notes } = running(
      configOf([
        "--experimental-initial-corrupt-check=true",
        "--experimental-watch-progress-notify-interval=5s",
      ]),
    );
    assert.equal(config.watchProgressNotifyIntervalMs, 5000);
    assert.equal(config.featureGates.InitialCorruptCheck, true);
    assert.equal(notesNamed(notes, "deprecated flag is set; use its replacement").length, 2);
    assert.match(
      String(
        verifyFault(
          configOf([
            "--experimental-watch-progress-notify-interval=5s",
            "--watch-progress-notify-interval=5s",
          ]),
        ),
      ),
      /^cannot set both --experimental-watch-progress-notify-interval/,
    );
  });

  test("stage switches of feature gates leave gates alone that were set", () => {
    const { config } = running(
      configOf(["--feature-gates=AllAlpha=true,PriorityRequest=false,AllBeta=false"]),
    );
    assert.equal(config.featureGates.InitialCorruptCheck, true);
    assert.equal(config.featureGates.PriorityRequest, false);
    assert.equal(config.featureGates.FastLeaseKeepAlive, false);
  });
});

describe("parseConfig, the environment", () => {
  test("fills in what the command line leaves open, and says so", () => {
    const { config, notes } = running(
      configOf(["--name=a"], { env: { ETCD_MAX_TXN_OPS: "7", ETCD_DATA_DIR: "/d" } }),
    );
    assert.equal(config.name, "a");
    assert.equal(config.maxTxnOps, 7);
    assert.equal(config.dataDir, "/d");
    const used = notesNamed(notes, "recognized and used environment variable");
    assert.deepEqual(
      used.map(({ level, fields }) => [level, fields["variable-name"], fields["variable-value"]]),
      [
        ["info", "ETCD_DATA_DIR", "/d"],
        ["info", "ETCD_MAX_TXN_OPS", "7"],
      ],
    );
  });

  test("is fatal beside the same flag, even with the same value", () => {
    const outcome = configOf(["--heartbeat-interval=200"], {
      env: { ETCD_HEARTBEAT_INTERVAL: "200" },
    });
    assert.ok(outcome.kind === "verify-error");
    assert.deepEqual(outcome.notes.at(-1), {
      level: "fatal",
      message:
        "conflicting environment variable is shadowed by corresponding command-line flag (either unset environment variable or disable flag))",
      fields: { "environment-variable": "ETCD_HEARTBEAT_INTERVAL" },
    });
  });

  test("names the variable of a bad value", () => {
    const rows: readonly (readonly [Record<string, string>, string])[] = [
      [
        { ETCD_HEARTBEAT_INTERVAL: "abc" },
        'invalid value "abc" for ETCD_HEARTBEAT_INTERVAL: parse error',
      ],
      [{ ETCD_PRE_VOTE: "maybe" }, 'invalid value "maybe" for ETCD_PRE_VOTE: parse error'],
      [
        { ETCD_INITIAL_CLUSTER_STATE: "foo" },
        'invalid value "foo" for ETCD_INITIAL_CLUSTER_STATE: invalid value',
      ],
    ];
    for (const [env, error] of rows) assert.equal(verifyFault(configOf([], { env })), error);
  });

  test("only warns about unknown variables, and takes an empty one for unset", () => {
    const { config, notes } = running(
      configOf(["--max-txn-ops=5"], {
        env: {
          ETCD_ON_K8S: "yes",
          ETCD_NAME: "",
          ETCD_MAX_TXN_OPS: "",
          ETCD_VERSION: "3",
          PATH: "/bin",
          ETCD_UNSUPPORTED_ARCH: "arm",
        },
      }),
    );
    assert.equal(config.name, "default");
    assert.deepEqual(
      notesNamed(notes, "unrecognized environment variable").map(({ fields }) => fields),
      [{ "environment-variable": "ETCD_ON_K8S=yes" }],
    );
    assert.equal(notesNamed(notes, "cannot set special environment variable").length, 1);
  });
});

describe("parseConfig, help and version", () => {
  test("shows every flag on stdout and the short text on stderr", () => {
    for (const word of ["--help", "-h", "-help", "--help=false"]) {
      const outcome = configOf([word, "--no-such-flag"]);
      assert.ok(outcome.kind === "help");
      assert.match(outcome.stdout, /\n {2}--data-dir ''\n {4}\S/);
      assert.match(outcome.stderr, /^Usage:/);
    }
  });

  test("begins the versions with the API level", () => {
    const outcome = configOf(["--version"]);
    assert.ok(outcome.kind === "version");
    const lines = outcome.stdout.split("\n");
    assert.equal(lines[0], `etcd Version: ${API_VERSION}`);
    assert.match(lines[1] ?? "", /^capstan Version: \d+\.\d+\.\d+/);
    assert.deepEqual(lines.slice(2), ["Node Version: v20.1.2", "OS/Arch: linux/amd64", ""]);
  });
});
