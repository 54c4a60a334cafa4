import { formatDuration, parseDuration } from "../../shared/duration.js";
import { LOG_LEVELS } from "../../shared/logger.js";
import { FEATURE_GATES, resolveFeatureGates } from "./feature-gates.js";
import type { FlagSpec } from "./flag-spec.js";
import { type LogNote, note } from "./log-note.js";
import type { AutoCompaction, LogConfig, ServerUrl } from "./server-config.js";
import { bindFault } from "./server-url.js";
import type { Settings } from "./settings.js";

/** Longest election timeout. docs/facts/flags.md section 2. */
const ELECTION_TIMEOUT_MS_MAX = 50_000;
const HOUR_MS = 3_600_000;

type Outcome<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly error: string };

/** Settings of the log, which later lines already use; or why they do not fit together. */
export function verifyLog(settings: Settings): Outcome<LogConfig> {
  const logger = settings.text("logger");
  if (logger === "capnslog") return failure("--logger=capnslog is removed in v3.5");
  if (logger !== "zap") return failure(`unknown logger option ${JSON.stringify(logger)}`);
  const format = settings.text("log-format");
  if (format !== "json" && format !== "console") {
    return failure(`unknown log format: ${format}, supported values json, console`);
  }
  const targets = settings.list("log-outputs");
  if (targets.includes("default") && targets.length > 1) {
    return failure('multi logoutput for "default" is not supported yet');
  }
  const outputs = targets.map((target) =>
    target === "default" || target === "systemd/journal" ? "stderr" : target,
  );
  const level = logLevel(settings.text("log-level")) ?? "info";
  const unique = outputs.length === 0 ? ["stderr"] : [...new Set(outputs)];
  return { ok: true, value: { level, format, outputs: unique } };
}

/** The level of a `--log-level` text, or undefined when there is no such level. */
export function logLevel(text: string) {
  if (text === "") return "info";
  const word = text.toLowerCase();
  if (word === "warning") return "warn";
  if (word === "dpanic") return "panic";
  return LOG_LEVELS.find((level) => level === word);
}

/** Flags that stop the start, and warnings for those without effect. None is silently ignored. */
export function verifySupport(settings: Settings): {
  readonly error: string | undefined;
  readonly notes: readonly LogNote[];
} {
  const refused: { name: string; reason: string }[] = [];
  const notes: LogNote[] = [];
  for (const spec of settings.setFlags()) {
    const { support } = spec;
    if (support.kind === "full") continue;
    if (support.kind === "refused") {
      if (settings.isChanged(spec)) refused.push({ name: spec.name, reason: support.reason });
    } else if (support.warnAlways === true || isWorthAWarning(settings, spec)) {
      const fields = { flag: `--${spec.name}`, reason: support.reason };
      notes.push(note("warn", "flag has no effect", fields));
    }
  }
  const [first] = refused;
  if (first === undefined) return { error: undefined, notes };
  const names = refused.filter(({ reason }) => reason === first.reason).map(({ name }) => name);
  const error = `${names.map((name) => `--${name}`).join(", ")}: ${first.reason}`;
  return { error, notes };
}

/** URLs that can be bound and advertised. */
export function verifyUrls(settings: Settings): string | undefined {
  for (const name of ["listen-peer-urls", "listen-client-urls", "listen-metrics-urls"]) {
    for (const url of settings.urls(name)) {
      const fault = bindFault(url);
      if (fault !== undefined) return fault;
    }
  }
  const peerFault = peerListenFault(settings.urls("listen-peer-urls"));
  if (peerFault !== undefined) return peerFault;
  for (const name of ["initial-advertise-peer-urls", "advertise-client-urls"]) {
    for (const url of settings.urls(name)) {
      if (url.host === "" && url.socketPath === "") {
        const texts = settings.urls(name).map(({ text }) => text);
        const cause = `unexpected empty host (${url.text})`;
        return `--${name} ${JSON.stringify(texts.join(","))} must be "host:port" (${cause})`;
      }
    }
  }
  return undefined;
}

/** Members are served on TCP, and all by the same certificate or all without one. */
function peerListenFault(urls: readonly ServerUrl[]): string | undefined {
  const socket = urls.find((url) => url.socketPath !== "");
  if (socket !== undefined) {
    return `--listen-peer-urls ${socket.text}: unix sockets between members are not supported`;
  }
  const [first] = urls;
  const other = urls.find((url) => url.scheme !== first?.scheme);
  if (first === undefined || other === undefined) return undefined;
  return `--listen-peer-urls ${first.text} and ${other.text}: http and https cannot be mixed`;
}

/** Times that fit each other. */
export function verifyTimes(settings: Settings): string | undefined {
  const heartbeat = settings.integer("heartbeat-interval");
  const election = settings.integer("election-timeout");
  if (heartbeat <= 0) return `--heartbeat-interval must be >0 (set to ${heartbeat}ms)`;
  if (election <= 0) return `--election-timeout must be >0 (set to ${election}ms)`;
  if (5 * heartbeat > election) {
    const wanted = `should be at least as 5 times as --heartbeat-interval[${heartbeat}ms]`;
    return `--election-timeout[${election}ms] ${wanted}`;
  }
  if (election > ELECTION_TIMEOUT_MS_MAX) {
    const wanted = `should be set less than ${ELECTION_TIMEOUT_MS_MAX}ms`;
    return `--election-timeout[${election}ms] is too long, and ${wanted}`;
  }
  if (settings.durationNs("compact-hash-check-time") <= 0n) {
    const set = formatDuration(settings.durationNs("compact-hash-check-time"));
    return `--compact-hash-check-time must be >0 (set to ${set})`;
  }
  for (const spec of settings.setFlags()) {
    const value = settings.raw(spec);
    if (value.kind === "duration" && value.ns < 0n) {
      return `--${spec.name} must be >=0 (set to ${formatDuration(value.ns)})`;
    }
  }
  return undefined;
}

/** What auto compaction keeps. A bare number is hours, or revisions in that mode. */
export function verifyAutoCompaction(settings: Settings): Outcome<AutoCompaction> {
  const mode = settings.text("auto-compaction-mode") || "periodic";
  if (mode !== "periodic" && mode !== "revision") {
    return failure(`unknown auto-compaction-mode ${JSON.stringify(mode)}`);
  }
  const text = settings.text("auto-compaction-retention") || "0";
  const bare = /^\+?\d{1,15}$/.test(text) ? Number(text) : undefined;
  if (bare === 0) return { ok: true, value: { kind: "off" } };
  if (bare !== undefined) {
    if (mode === "revision") {
      return { ok: true, value: { kind: "revision", retentionRevisions: bare } };
    }
    return { ok: true, value: { kind: "periodic", retentionMs: bare * HOUR_MS } };
  }
  const duration = parseDuration(text);
  if (!duration.ok) return failure(`error parsing CompactionRetention: ${duration.error}`);
  if (duration.ns < 0n) return failure(`error parsing CompactionRetention: negative "${text}"`);
  if (duration.ns === 0n) return { ok: true, value: { kind: "off" } };
  // In revision mode etcd takes a duration's nanoseconds for revisions, which nobody means.
  if (mode === "revision") {
    return failure(`error parsing CompactionRetention: "${text}" is no number of revisions`);
  }
  return { ok: true, value: { kind: "periodic", retentionMs: Number(duration.ns) / 1_000_000 } };
}

/** The state of every gate, with a warning for each that was switched, or why they do not go together. */
export function verifyGates(set: ReadonlyMap<string, boolean>): Outcome<{
  readonly states: Readonly<Record<string, boolean>>;
  readonly notes: readonly LogNote[];
}> {
  const states = resolveFeatureGates(set);
  if (states.LeaseCheckpointPersist && !states.LeaseCheckpoint) {
    const wanted = "requires enabling feature gate LeaseCheckpoint";
    return failure(`enabling feature gate LeaseCheckpointPersist ${wanted}`);
  }
  const notes = FEATURE_GATES.filter((gate) => states[gate.name] !== gate.initial).map((gate) => {
    const fields = { gate: gate.name, reason: "this version has nothing that depends on it" };
    return note("warn", "feature gate has no effect", fields);
  });
  return { ok: true, value: { states, notes } };
}

function isWorthAWarning(settings: Settings, spec: FlagSpec): boolean {
  return spec.kind === "ignored" || settings.isChanged(spec);
}

function failure(error: string): { readonly ok: false; readonly error: string } {
  return { ok: false, error };
}
