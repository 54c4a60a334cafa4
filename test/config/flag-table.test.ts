import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { environmentName } from "../../src/main/config/flag-spec.js";
import { FLAG_BY_VARIABLE, FLAG_GROUPS, FLAGS } from "../../src/main/config/flag-table.js";
import { parseFlagValue } from "../../src/main/config/flag-value.js";

/** Every flag of docs/facts/flags.md section 2 that the API level of this server knows. */
const CONTRACT_FLAGS = `
name data-dir wal-dir snapshot-count snapshot-catchup-entries heartbeat-interval election-timeout
initial-election-tick-advance listen-peer-urls listen-client-urls listen-client-http-urls max-wals
max-snapshots quota-backend-bytes backend-bbolt-freelist-type backend-batch-interval
backend-batch-limit max-txn-ops max-request-bytes max-concurrent-streams grpc-keepalive-min-time
grpc-keepalive-interval grpc-keepalive-timeout socket-reuse-port socket-reuse-address
raft-read-timeout raft-write-timeout memory-mlock enable-grpc-gateway
initial-advertise-peer-urls initial-cluster initial-cluster-state initial-cluster-token
advertise-client-urls strict-reconfig-check pre-vote max-learners discovery-token
discovery-endpoints discovery-dial-timeout discovery-request-timeout discovery-keepalive-time
discovery-keepalive-timeout discovery-insecure-transport discovery-insecure-skip-tls-verify
discovery-cert discovery-key discovery-cacert discovery-user discovery-password discovery-srv
discovery-srv-name discovery-fallback cert-file key-file trusted-ca-file client-cert-auth
client-cert-file client-key-file client-crl-file client-cert-allowed-hostname auto-tls
self-signed-cert-validity cipher-suites tls-min-version tls-max-version cors host-whitelist
peer-cert-file peer-key-file peer-trusted-ca-file peer-client-cert-auth peer-client-cert-file
peer-client-key-file peer-auto-tls peer-crl-file peer-cert-allowed-cn peer-cert-allowed-hostname
peer-skip-client-san-verification auth-token auth-token-ttl bcrypt-cost listen-metrics-urls
metrics enable-pprof logger log-level log-format log-outputs enable-log-rotation
log-rotation-config-json warning-apply-duration warning-unary-request-duration
auto-compaction-mode auto-compaction-retention compaction-batch-limit compaction-sleep-interval
corrupt-check-time compact-hash-check-time watch-progress-notify-interval
bootstrap-defrag-threshold-megabytes downgrade-check-time enable-distributed-tracing
distributed-tracing-address distributed-tracing-service-name distributed-tracing-instance-id
distributed-tracing-sampling-rate feature-gates config-file force-new-cluster unsafe-no-fsync
version v2-deprecation`
  .trim()
  .split(/\s+/);

/** Flags that etcd does not have. */
const OWN_FLAGS = ["experimental-client-transport"];

describe("the flag table", () => {
  test("holds every flag of the contract, and no other under its own name", () => {
    const named = FLAG_GROUPS.flatMap(({ flags }) => flags.map(({ name }) => name));
    assert.deepEqual([...named].sort(), [...CONTRACT_FLAGS, ...OWN_FLAGS].sort());
  });

  test("has one entry for each name and each variable", () => {
    assert.equal(new Set(FLAGS.map(({ name }) => name)).size, FLAGS.length);
    assert.equal(FLAG_BY_VARIABLE.size, FLAGS.length - 1);
    assert.equal(environmentName("data-dir"), "ETCD_DATA_DIR");
  });

  test("has defaults that parse, and a help text for each flag", () => {
    for (const spec of FLAG_GROUPS.flatMap(({ flags }) => flags)) {
      assert.equal(parseFlagValue(spec, spec.initial).ok, true, spec.name);
      assert.match(spec.help, /\.$/, spec.name);
    }
  });

  test("gives a reason for everything that is refused or without effect", () => {
    for (const { name, support } of FLAGS) {
      const reason = support.kind === "full" ? "supported" : support.reason;
      assert.ok(reason.length > 5, name);
    }
  });
});
