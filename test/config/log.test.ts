import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import type { LogConfig } from "../../src/main/config/server-config.js";
import { consoleLine, openMainLog, timestampText } from "../../src/main/log/main-log.js";
import { createRecordLogger, type LogRecord } from "../../src/shared/logger.js";
import { CAPSTAN_VERSION } from "../../src/shared/version.js";
import { createWallClock } from "../../src/shared/wall-clock.js";
import { createWorkerLogger, decodeLogRecord } from "../../src/shared/worker-logger.js";

const LOAD_CONFIG = new URL("../../src/main/config/load-config.js", import.meta.url).href;
const FATAL = new URL("../../src/main/log/fatal.js", import.meta.url).href;

let dir = "";
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "capstan-log-"));
});
afterEach(() => {
  rmSync(dir, { recursive: true, force: true });
});

function fileConfig(rest: Partial<LogConfig> = {}): LogConfig {
  return { level: "info", format: "json", outputs: [join(dir, "log")], ...rest };
}

function fileLines(): readonly string[] {
  return readFileSync(join(dir, "log"), "utf8").trimEnd().split("\n");
}

function record(rest: Partial<LogRecord>): LogRecord {
  const base = { level: "info", timeUs: 1_764_000_000_123_456, name: "", caller: "" } as const;
  return { ...base, message: "m", fields: {}, ...rest };
}

/** Runs a program that loads the configuration as the server does. */
function load(argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const program = `
    import { loadConfig } from ${JSON.stringify(LOAD_CONFIG)};
    import { fatal } from ${JSON.stringify(FATAL)};
    const loaded = loadConfig({
      argv: process.argv.slice(1),
      env: process.env,
      printOut: (text) => process.stdout.write(text),
      printError: (text) => process.stderr.write(text),
    });
    if (loaded.kind === "run") fatal(loaded.log.logger, "the end", { reason: "test" });
    process.exitCode = loaded.exitCode;
  `;
  const args = ["--input-type=module", "-e", program, "--", ...argv];
  return spawnSync(process.execPath, args, { encoding: "utf8", env, cwd: dir });
}

describe("the log of the main thread", () => {
  test("writes etcd's keys in etcd's order", () => {
    const log = openMainLog(fileConfig());
    const fields = {
      took: "3ms",
      "local-member-id": 0x8e9e05c52164694dn,
      list: [1, 2n, { a: 3n }],
    };
    log.logger.named("raft").warn("slow", fields);
    log.close();
    const [line = ""] = fileLines();
    const parsed: Record<string, unknown> = JSON.parse(line);
    assert.deepEqual(Object.keys(parsed), [
      ...["level", "ts", "logger", "caller", "msg"],
      ...["took", "local-member-id", "list"],
    ]);
    assert.match(line, /^\{"level":"warn","ts":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"/);
    assert.match(String(parsed.caller), /^config\/log\.test\.[jt]s:\d+$/);
    assert.equal(parsed.logger, "raft");
    assert.equal(parsed["local-member-id"], "8e9e05c52164694d");
    assert.deepEqual(parsed.list, [1, "2", { a: "3" }]);
  });

  test("leaves out what is below the level, and says which levels are on", () => {
    const log = openMainLog(fileConfig({ level: "error" }));
    log.logger.debug("no");
    log.logger.warn("no");
    log.logger.error("e");
    log.logger.panic("p");
    log.logger.fatal("f");
    assert.equal(log.logger.enabled("warn"), false);
    assert.equal(log.logger.enabled("panic"), true);
    log.close();
    const levels = fileLines().map((line): unknown => JSON.parse(line).level);
    assert.deepEqual(levels, ["error", "panic", "fatal"]);
  });

  test("writes an error as its message and its causes, once each, with the stack apart", () => {
    const log = openMainLog(fileConfig());
    const inner = new Error("no space left on device");
    log.logger.error("failed", { error: new Error("cannot write segment 3", { cause: inner }) });
    log.logger.error("failed", { error: new Error(`write: ${inner.message}`, { cause: inner }) });
    log.close();
    const [first, second] = fileLines().map((line) => JSON.parse(line));
    assert.equal(first.error, "cannot write segment 3: no space left on device");
    assert.match(first.stacktrace, /^Error: cannot write segment 3\n/);
    assert.equal(second.error, "write: no space left on device");
  });

  test("survives fields that refer to themselves", () => {
    const log = openMainLog(fileConfig());
    const loop: Record<string, unknown> = {};
    loop.self = loop;
    log.logger.info("loop", { loop, when: new Map() });
    log.close();
    assert.equal(fileLines().length, 1);
  });

  test("writes every output, appends to files, and drops lines after close", () => {
    const outputs = [join(dir, "log"), join(dir, "other")];
    for (const message of ["one", "two"]) {
      const log = openMainLog(fileConfig({ outputs }));
      log.logger.info(message);
      log.close();
      log.logger.info("late");
    }
    assert.equal(fileLines().length, 2);
    assert.equal(readFileSync(join(dir, "other"), "utf8"), readFileSync(join(dir, "log"), "utf8"));
  });

  test("names an output that cannot be opened", () => {
    assert.throws(() => openMainLog(fileConfig({ outputs: ["/nope/x"] })), {
      name: "LogSinkError",
      message: 'open sink "/nope/x": open /nope/x: no such file or directory',
    });
  });

  test("has a console format of columns", () => {
    const line = consoleLine(
      record({
        name: "raft",
        caller: "main/a.js:1",
        fields: { a: 1, stacktrace: "Error: x\n at y" },
      }),
    );
    assert.equal(
      line,
      '2025-11-24T16:00:00.123456Z\tinfo\traft\tmain/a.js:1\tm\t{"a":1}\nError: x\n at y\n',
    );
    assert.equal(consoleLine(record({})), "2025-11-24T16:00:00.123456Z\tinfo\tm\n");
    const log = openMainLog(fileConfig({ format: "console" }));
    log.logger.info("hello");
    log.close();
    assert.match(fileLines()[0] ?? "", /Z\tinfo\tconfig\/log\.test\.[jt]s:\d+\thello$/);
  });

  test("shows six digits of a second", () => {
    assert.equal(timestampText(1_764_000_000_000_007), "2025-11-24T16:00:00.000007Z");
  });
});

describe("a worker's logger", () => {
  test("reaches main's outputs over its port", async () => {
    const log = openMainLog(fileConfig());
    const { port1, port2 } = new MessageChannel();
    log.attach(port1);
    const logger = createWorkerLogger(port2, "info").named("raft");
    logger.info("from the worker", { id: 255n, error: new Error("cause") });
    logger.debug("no");
    port2.postMessage({ no: "record" });
    const closed = new Promise((resolve) => port1.once("close", resolve));
    port1.ref();
    port2.close();
    await closed;
    log.close();
    const parsed = fileLines().map((line) => JSON.parse(line));
    assert.equal(parsed.length, 1);
    assert.equal(parsed[0].logger, "raft");
    assert.equal(parsed[0].id, "ff");
    assert.equal(parsed[0].error, "cause");
  });

  test("is not taken in by messages that are no records", () => {
    for (const message of [
      undefined,
      null,
      1,
      "x",
      {},
      { level: "loud", message: "m", timeUs: 1 },
    ]) {
      assert.equal(decodeLogRecord(message), undefined);
    }
    assert.deepEqual(decodeLogRecord(record({})), record({}));
  });
});

describe("the clock of log lines", () => {
  test("tells the time of day and does not go back", () => {
    const nowUs = createWallClock();
    let last = nowUs();
    assert.ok(Math.abs(last / 1000 - Date.now()) < 1000);
    for (let i = 0; i < 10_000; i += 1) {
      const next = nowUs();
      assert.ok(next >= last - 2000);
      last = next;
    }
  });

  test("a logger costs nothing but a comparison when its level is off", () => {
    const emitted: LogRecord[] = [];
    const logger = createRecordLogger({
      level: "warn",
      nowUs: () => assert.fail("no time is asked for"),
      emit: (line) => emitted.push(line),
    });
    logger.info("no");
    assert.deepEqual(emitted, []);
  });
});

describe("loadConfig, as a process", () => {
  test("prints versions on stdout and leaves with 0", () => {
    const run = load(["--version"]);
    assert.equal(run.status, 0);
    assert.match(
      run.stdout,
      new RegExp(`^etcd Version: 3\\.7\\.\\d+\ncapstan Version: ${CAPSTAN_VERSION}`),
    );
    assert.equal(run.stderr, "");
  });

  test("prints help on stdout and the short text on stderr", () => {
    const run = load(["--help"]);
    assert.equal(run.status, 0);
    assert.match(run.stdout, /^\nMember:\n/);
    assert.match(run.stderr, /^Usage:/);
  });

  test("prints a wrong flag and the short text on stderr and leaves with 2", () => {
    const run = load(["--nope"]);
    assert.equal(run.status, 2);
    assert.match(run.stderr, /^flag provided but not defined: -nope\nUsage:/);
    assert.equal(run.stdout, "");
  });

  test("logs a failed verification on stderr and leaves with 1", () => {
    const run = load(["--election-timeout=1"]);
    assert.equal(run.status, 1);
    const lines = run.stderr.trimEnd().split("\n");
    const last: Record<string, unknown> = JSON.parse(lines.at(-1) ?? "");
    assert.equal(last.msg, "failed to verify flags");
    assert.equal(run.stdout, "");
  });

  test("says that a log output cannot be opened and leaves with 1", () => {
    const run = load(["--log-outputs=/nope/x"]);
    assert.equal(run.status, 1);
    assert.match(run.stderr, /failed to verify flags","error":"open sink \\"\/nope\/x\\"/);
  });

  test("reads a YAML file that a variable names", () => {
    const run = load(["--log-format=console"], { ETCD_CONFIG_FILE: join(dir, "none.yml") });
    assert.equal(run.status, 1);
    assert.match(run.stderr, /open .*none\.yml: no such file or directory/);
  });

  test("writes to stdout only when asked, and fatal leaves with 1 after its line", () => {
    const quiet = load([]);
    assert.equal(quiet.status, 1);
    assert.equal(quiet.stdout, "");
    assert.match(quiet.stderr, /"level":"fatal".*"msg":"the end","reason":"test"\}\n$/);
    const asked = load(["--log-outputs=stdout"]);
    assert.equal(asked.stderr, "");
    assert.match(asked.stdout, /"level":"fatal".*"msg":"the end","reason":"test"\}\n$/);
  });
});

describe("the version", () => {
  test("is that of package.json", () => {
    const file = new URL("../../../package.json", import.meta.url);
    const { version }: { version?: unknown } = JSON.parse(readFileSync(file, "utf8"));
    assert.equal(version, CAPSTAN_VERSION);
  });
});
