/** Command lines that cannot be parsed, with the first line on stderr. docs/facts/flags.md section 1. */
export const USAGE_ERRORS: readonly (readonly [argv: readonly string[], line: string])[] = [
  [["--no-such-flag"], "flag provided but not defined: -no-such-flag"],
  [["--no-such-flag=1"], "flag provided but not defined: -no-such-flag"],
  [["-=x"], "bad flag syntax: -=x"],
  [["--=x"], "bad flag syntax: --=x"],
  [["---x"], "bad flag syntax: ---x"],
  [["--name"], "flag needs an argument: -name"],
  [["--snapshot-count"], "flag needs an argument: -snapshot-count"],
  [["--heartbeat-interval=abc"], 'invalid value "abc" for flag -heartbeat-interval: parse error'],
  [["-heartbeat-interval", "-5"], 'invalid value "-5" for flag -heartbeat-interval: parse error'],
  [["--max-txn-ops=-1"], 'invalid value "-1" for flag -max-txn-ops: parse error'],
  [["--max-txn-ops=08"], 'invalid value "08" for flag -max-txn-ops: parse error'],
  [["--max-txn-ops=1__0"], 'invalid value "1__0" for flag -max-txn-ops: parse error'],
  [
    ["--quota-backend-bytes=9999999999999999999999"],
    'invalid value "9999999999999999999999" for flag -quota-backend-bytes: value out of range',
  ],
  [
    ["--max-concurrent-streams=4294967296"],
    'invalid value "4294967296" for flag -max-concurrent-streams: strconv.ParseUint: parsing "4294967296": value out of range',
  ],
  [
    ["--max-concurrent-streams=x"],
    'invalid value "x" for flag -max-concurrent-streams: strconv.ParseUint: parsing "x": invalid syntax',
  ],
  [["--pre-vote=maybe"], 'invalid boolean value "maybe" for -pre-vote: parse error'],
  [["--auto-tls=tRue"], 'invalid boolean value "tRue" for -auto-tls: parse error'],
  [
    ["--grpc-keepalive-min-time=5"],
    'invalid value "5" for flag -grpc-keepalive-min-time: parse error',
  ],
  [
    ["--initial-cluster-state=foo"],
    'invalid value "foo" for flag -initial-cluster-state: invalid value',
  ],
  [
    ["--listen-client-urls=ftp://a:1"],
    'invalid value "ftp://a:1" for flag -listen-client-urls: URL scheme must be http, https, unix, or unixs: ftp://a:1',
  ],
  [
    ["--listen-client-urls=foo"],
    'invalid value "foo" for flag -listen-client-urls: URL scheme must be http, https, unix, or unixs: foo',
  ],
  [
    ["--listen-client-urls=localhost:2379"],
    'invalid value "localhost:2379" for flag -listen-client-urls: URL scheme must be http, https, unix, or unixs: localhost:2379',
  ],
  [
    ["--listen-client-urls=http://127.0.0.1:1,,"],
    'invalid value "http://127.0.0.1:1,," for flag -listen-client-urls: URL scheme must be http, https, unix, or unixs: ',
  ],
  [
    ["--listen-client-urls=127.0.0.1:2379"],
    'invalid value "127.0.0.1:2379" for flag -listen-client-urls: parse "127.0.0.1:2379": first path segment in URL cannot contain colon',
  ],
  [
    ["--listen-client-urls=:2379"],
    'invalid value ":2379" for flag -listen-client-urls: parse ":2379": missing protocol scheme',
  ],
  [
    ["--listen-client-urls=http://a:b"],
    'invalid value "http://a:b" for flag -listen-client-urls: parse "http://a:b": invalid port ":b" after host',
  ],
  [
    ["--listen-client-urls=http://a b:2379"],
    'invalid value "http://a b:2379" for flag -listen-client-urls: parse "http://a b:2379": invalid character " " in host name',
  ],
  [
    ["--listen-client-urls=http://[::1:2379"],
    'invalid value "http://[::1:2379" for flag -listen-client-urls: parse "http://[::1:2379": missing \']\' in host',
  ],
  [
    ["--listen-client-urls=http://::1:2379"],
    'invalid value "http://::1:2379" for flag -listen-client-urls: URL address does not have the form "host:port": http://::1:2379',
  ],
  [
    ["--listen-client-urls=http://a%zz:2379"],
    'invalid value "http://a%zz:2379" for flag -listen-client-urls: parse "http://a%zz:2379": invalid URL escape "%zz"',
  ],
  [
    ["--listen-client-urls=http://127.0.0.1"],
    'invalid value "http://127.0.0.1" for flag -listen-client-urls: URL address does not have the form "host:port": http://127.0.0.1',
  ],
  [
    ["--listen-client-urls=http://127.0.0.1:2379/"],
    'invalid value "http://127.0.0.1:2379/" for flag -listen-client-urls: URL must not contain a path: http://127.0.0.1:2379/',
  ],
  [
    ["--listen-metrics-urls=foo"],
    'invalid value "foo" for flag -listen-metrics-urls: URL scheme must be http, https, unix, or unixs: foo',
  ],
  [
    ["--cors=foo"],
    'invalid value "foo" for flag -cors: URL scheme must be http, https, unix, or unixs: foo',
  ],
  [["--bcrypt-cost=x"], 'invalid value "x" for flag -bcrypt-cost: parse error'],
  [
    ["--experimental-distributed-tracing-sampling-rate=x"],
    'invalid value "x" for flag -experimental-distributed-tracing-sampling-rate: parse error',
  ],
];

/** What the peer URLs of a start on free ports are, where a row says nothing else. */
const ALONE = ["--name=a", "--initial-advertise-peer-urls=http://127.0.0.1:1"];

/** Settings of which no member can be made, with the `error` of the last log line. */
export const START_ERRORS: readonly (readonly [argv: readonly string[], error: string])[] = [
  [
    ["--initial-cluster=a=http://127.0.0.1:1"],
    `couldn't find local name "default" in the initial cluster configuration`,
  ],
  [
    ["--initial-cluster=default=http://127.0.0.1:1"],
    '--initial-cluster has default=http://127.0.0.1:1 but missing from --initial-advertise-peer-urls=http://localhost:2380 (resolved urls: "http://localhost:2380" != "http://127.0.0.1:1")',
  ],
  [
    ["--initial-cluster=default=http://127.0.0.1:2380"],
    '--initial-cluster has default=http://127.0.0.1:2380 but missing from --initial-advertise-peer-urls=http://localhost:2380 (resolved urls: "http://localhost:2380" != "http://127.0.0.1:2380")',
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
    [...ALONE, "--initial-cluster=a=http://127.0.0.1:1,c=http://127.0.0.1:3,b=http://127.0.0.1:1"],
    "initial cluster a=http://127.0.0.1:1,b=http://127.0.0.1:1,c=http://127.0.0.1:3 has duplicate url",
  ],
  [
    [...ALONE, "--initial-cluster-state=existing", "--initial-cluster=a=http://127.0.0.1:1"],
    "cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs",
  ],
  [
    [
      ...ALONE,
      "--initial-cluster-state=existing",
      "--initial-cluster=a=http://127.0.0.1:1,b=http://127.0.0.1:2",
    ],
    "cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs",
  ],
  [
    ["--listen-peer-urls=https://127.0.0.1:0"],
    "cannot listen on TLS for 127.0.0.1:0: KeyFile and CertFile are not presented",
  ],
  [
    ["--listen-peer-urls=https://127.0.0.1:0", "--peer-cert-file=nope"],
    "KeyFile and CertFile must both be present[key: , cert: nope]",
  ],
  [
    ["--listen-peer-urls=https://127.0.0.1:0", "--peer-cert-file=nope", "--peer-key-file=nope2"],
    "open nope: no such file or directory",
  ],
  [["--peer-key-file=x"], "KeyFile and CertFile must both be present[key: x, cert: ]"],
];

/** Settings that parse but do not fit together, with the `error` of the log line. */
export const VERIFY_ERRORS: readonly (readonly [argv: readonly string[], error: string])[] = [
  [["stray"], "'stray' is not a valid flag"],
  [["--auto-tls", "false"], "'false' is not a valid flag"],
  [["--version", "stray"], "'stray' is not a valid flag"],
  [["--force", "--", "--name=x"], "'--name=x' is not a valid flag"],
  [
    ["--listen-client-urls=http://127.0.0.1:2379"],
    "--advertise-client-urls is required when --listen-client-urls is set explicitly",
  ],
  [
    ["--listen-client-urls="],
    "--advertise-client-urls is required when --listen-client-urls is set explicitly",
  ],
  [
    ["--listen-client-urls=http://example.com:2379", "--advertise-client-urls=http://a:1"],
    "expected IP in URL for binding (http://example.com:2379)",
  ],
  [["--listen-metrics-urls=http://foo.com:1"], "expected IP in URL for binding (http://foo.com:1)"],
  [
    ["--advertise-client-urls=http://:2379"],
    '--advertise-client-urls "http://:2379" must be "host:port" (unexpected empty host (http://:2379))',
  ],
  [
    ["--initial-advertise-peer-urls=http://:2379"],
    '--initial-advertise-peer-urls "http://:2379" must be "host:port" (unexpected empty host (http://:2379))',
  ],
  [["--heartbeat-interval=0"], "--heartbeat-interval must be >0 (set to 0ms)"],
  [["--election-timeout=0"], "--election-timeout must be >0 (set to 0ms)"],
  [
    ["--election-timeout=200"],
    "--election-timeout[200ms] should be at least as 5 times as --heartbeat-interval[100ms]",
  ],
  [
    ["--election-timeout=60000"],
    "--election-timeout[60000ms] is too long, and should be set less than 50000ms",
  ],
  [["--auto-compaction-mode=foo"], 'unknown auto-compaction-mode "foo"'],
  [["--logger=capnslog"], "--logger=capnslog is removed in v3.5"],
  [["--logger=foo"], 'unknown logger option "foo"'],
  [["--log-outputs=default,stderr"], 'multi logoutput for "default" is not supported yet'],
];
