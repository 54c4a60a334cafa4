import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { skipWithoutEtcd } from "../support/server-process.js";
import type { Side } from "./support/side.js";
import { SidePair } from "./support/side-pair.js";

const run = async (side: Side, ...lines: readonly string[]): Promise<void> => {
  for (const line of lines) assert.equal(((await side.run({ line })) as { code: number }).code, 0);
};

/** Changes of every kind under the prefix w, the last one with the value END. */
const CHANGES = ["put w1 1", "put w2 2", "put w1 3", "put x no", "del w2", "del w1", "put w1 END"];
const END = { simple: /^END$/, json: /RU5E/, fields: /"Value" : "END"/ } as const;
const FORMATS = ["simple", "json", "fields"] as const;

/** A session key: its lease's id is the server's own. */
const sessionKeysHidden = (result: object): unknown =>
  JSON.parse(JSON.stringify(result).replace(/\/[0-9a-f]{9,16}/g, "/LEASE"));

describe("etcdctl watch, the same from capstan as from etcd", { skip: skipWithoutEtcd() }, () => {
  let pair: SidePair;
  before(async () => {
    pair = await SidePair.start();
  });
  after(() => pair.dispose());

  for (const format of FORMATS) {
    for (const flags of ["--prefix", "--prefix --prev-kv"]) {
      test(`history: watch w ${flags} --rev -w ${format}`, () =>
        pair.compareLive(async (side) => {
          await run(side, ...CHANGES);
          const watch = side.start(`watch w ${flags} --rev=$REV+1 -w ${format}`);
          await watch.shows(END[format]);
          return side.comparable(await watch.end("SIGINT"));
        }));
    }

    test(`live: watch -i, then watch w --prefix --prev-kv and progress, -w ${format}`, () =>
      pair.compareLive(async (side) => {
        await run(side, "put w1 before");
        const watch = side.start(`watch -i -w ${format}`);
        watch.write("watch w --prefix --prev-kv\nprogress\n");
        await watch.shows(/progress notify|"Header"|"Revision"/);
        await run(side, ...CHANGES);
        await watch.shows(END[format]);
        watch.endInput();
        return side.comparable(await watch.ended());
      }));
  }

  test("watch -i: several watchers, ranges, revisions, what is no command, end of input", () =>
    pair.compareLive(async (side) => {
      await run(side, "put a 1", "put b 2");
      const watch = side.start("watch -i");
      watch.write("get a\nwatch a\nwatch b d --prev-kv\nprogress\n");
      await watch.shows(/progress notify/);
      for (const [index, line] of [
        "put a live",
        "put c live",
        "put d no",
        "put b live",
      ].entries()) {
        await run(side, line);
        await watch.shows(/^live$/, [1, 2, 2, 3][index]);
      }
      watch.endInput();
      return side.comparable(await watch.ended());
    }));

  test("watch of a range, and of everything from a key on, from an old revision", () =>
    pair.compareLive(async (side) => {
      await run(side, ...["a", "b", "c", "d"].map((key) => `put ${key} v`), "put b END");
      const results: object[] = [];
      for (const line of ["watch b d --rev=$REV+1", "watch b --rev=$REV+2"]) {
        const watch = side.start(line);
        await watch.shows(END.simple);
        results.push(side.comparable(await watch.end("SIGTERM")));
      }
      return results;
    }));

  test("watch with a command: run for each event, told of it by its environment", () =>
    pair.compareLive(async (side) => {
      await run(side, "put w1 1", "del w1", "put w1 END");
      const command = 'echo "$ETCD_WATCH_EVENT_TYPE $ETCD_WATCH_KEY=$ETCD_WATCH_VALUE ran"';
      const watch = side.start(["watch", "w1", "--rev=$REV+1", "--", "sh", "-c", command]);
      await watch.shows(/"END" ran/);
      return side.comparable(await watch.end("SIGINT"));
    }));
});

describe("etcdctl's recipes, the same on capstan as on etcd", { skip: skipWithoutEtcd() }, () => {
  let pair: SidePair;
  before(async () => {
    pair = await SidePair.start(["--experimental-watch-progress-notify-interval", "200ms"]);
  });
  after(() => pair.dispose());

  test("watch --progress-notify: idle watchers are told the revision", () =>
    pair.compareLive(async (side) => {
      await run(side, "put other 1");
      const watch = side.start("watch w --progress-notify");
      await watch.shows(/^progress notify: \d+$/, 2);
      await run(side, "put w END");
      await watch.shows(END.simple);
      await watch.shows(/^progress notify: \d+$/, 4);
      const { stdout } = await watch.end("SIGINT");
      // How many there were depends on the time; which ones did not.
      return [...new Set(stdout.split("\n"))];
    }));

  test("lease keep-alive goes on until the lease is revoked", () =>
    pair.compareLive(async (side) => {
      await side.run({ line: "lease grant 5", grants: "L1" });
      const keepAlive = side.start("lease keep-alive $L1");
      await keepAlive.shows(/keepalived with TTL\(5\)/, 2);
      await run(side, "lease timetolive $L1", "lease revoke $L1");
      const { code, stderr, stdout } = await keepAlive.ended();
      const { stdout: said } = side.comparable({ code, stderr, stdout }) as { stdout: string };
      return { code, said: [...new Set(said.split("\n"))] };
    }));

  test("lock: runs a command under it, passes on its status, and the next one waits", () =>
    pair.compareLive(async (side) => {
      const results = [
        await side.run({ line: ["lock", "mutex", "sh", "-c", "echo held; exit 3"] }),
      ];
      const holder = side.start("lock mutex");
      await holder.shows(/^mutex\//);
      const waiter = side.start("lock mutex");
      await run(side, "get mutex --prefix --keys-only");
      results.push(side.comparable(await holder.end("SIGTERM")));
      await waiter.shows(/^mutex\//);
      results.push(side.comparable(await waiter.end("SIGINT")));
      results.push(await side.run({ line: "get mutex --prefix" }));
      return sessionKeysHidden(results);
    }));

  test("elect: a leader, an observer, and the next leader", () =>
    pair.compareLive(async (side) => {
      const first = side.start("elect post one");
      await first.shows(/^one$/);
      const observer = side.start("elect -l post");
      await observer.shows(/^one$/);
      const second = side.start("elect post two");
      const resigned = side.comparable(await first.end("SIGTERM"));
      await second.shows(/^two$/);
      await observer.shows(/^two$/);
      const ended = [await second.end("SIGTERM"), await observer.end("SIGTERM")];
      return sessionKeysHidden([resigned, ...ended.map((result) => side.comparable(result))]);
    }));

  test("make-mirror copies what is there and what comes", () =>
    pair.compareLive(async (side) => {
      await run(side, "put from/1 old", "put from/2 old");
      const mirror = side.start([
        ...["make-mirror", "--prefix", "from/", "--dest-prefix", "to/"],
        side.server.target,
      ]);
      const watch = side.start("watch to/ --prefix --rev=$REV+1");
      await watch.shows(/^old$/, 2);
      await run(side, "put from/3 new", "del from/1");
      await watch.shows(/^DELETE$/);
      await mirror.end("SIGTERM");
      await watch.end("SIGTERM");
      return side.run({ line: "get to/ --prefix" });
    }));

  test("check datascale passes on capstan", async () => {
    const { stdout } = (await pair.capstan.run({ line: "check datascale" })) as { stdout: string };
    assert.match(stdout, /PASS: Approximate system memory used/);
  });
});
