/**
 * capstan beside etcd: starts each on directories and ports of its own, makes the same loads against
 * one and then the other, several times in turns, and prints one table. See bench/README.md for how
 * to read it.
 */
import { Flags, flagsHelp, reportFailure, UsageError } from "./commands/flags.js";
import { figure } from "./report/table.js";
import { GOALS } from "./versus/goals.js";
import { measureSetup } from "./versus/measure-setup.js";
import { measureRestart } from "./versus/restart.js";
import { Results } from "./versus/results.js";
import { RESTART_ROW, type Setup, setupsOf } from "./versus/rows.js";
import { clearAwayOnSignals, type SubjectName, subjects, withDataDir } from "./versus/subjects.js";

const FLAGS = {
  pairs: { type: "string", default: "5", help: "how often each server is measured, in turns" },
  rows: { type: "string", help: "some of the rows, with commas between them; all by default" },
  only: { type: "string", help: "capstan or etcd alone" },
  members: { type: "string", default: "1", help: "of each cluster; above 1 puts and ranges only" },
  dir: { type: "string", help: "where data directories are made (the temporary directory)" },
  h2load: { type: "string", help: "nghttp2's h2load, for the rows that it makes" },
  clients: { type: "string", default: "1000", help: "calls under way at once" },
  conns: { type: "string", default: "100", help: "connections that the clients share" },
  threads: { type: "string", default: "1", help: "threads of the load generator" },
  seed: { type: "string", default: "1", help: "of random keys and values" },
  seconds: { type: "string", default: "3", help: "how long each run takes" },
  "warmup-seconds": { type: "string", default: "2", help: "each run before, not measured" },
  "settle-seconds": {
    type: "string",
    default: "2",
    help: "work that the server does so long after the run is still charged to it",
  },
  "key-size": { type: "string", default: "32", help: "bytes of a key, at least 16" },
  "val-size": { type: "string", default: "256", help: "bytes of a value" },
  "key-space-size": { type: "string", default: "100000", help: "different keys" },
  "random-keys": { type: "string", default: "1000000", help: "put-random: different keys" },
  "list-objects": { type: "string", default: "10000", help: "list: objects of 2 KB" },
  "restart-keys": { type: "string", default: "1000000", help: "restart: keys" },
  json: { type: "boolean", help: "one line of JSON instead of text" },
  help: { type: "boolean", help: "this text" },
} as const;

async function main(args: readonly string[]): Promise<number> {
  const flags = new Flags(args, FLAGS);
  const known = [
    ...setupsOf(flags).flatMap(({ rows }) => rows.map(({ name }) => name)),
    RESTART_ROW,
  ];
  if (flags.isSet("help")) {
    console.log(`usage: npm run bench:versus -- [FLAGS]\n\nrows: ${known.join(", ")}\n`);
    console.log(flagsHelp(FLAGS));
    return 0;
  }
  const { setups, hasRestart } = chosen(flags, known);
  const names = subjects(flags.text("only"));
  const pairs = flags.count("pairs");
  clearAwayOnSignals();
  // The goals are those of one member, but for the row that has three of itself.
  const results = new Results(flags.count("members") === 1 ? GOALS : {});
  for (let pair = 0; pair < pairs; pair += 1) {
    // Who is first changes, so that neither always meets the warmer machine.
    const order = pair % 2 === 0 ? names : [...names].reverse();
    for (const setup of setups) {
      for (const subject of order) await measureSetup(subject, setup, flags, results);
    }
    for (const subject of hasRestart ? order : []) await restartOnce(subject, flags, results);
  }
  report(results, flags, pairs);
  return results.hasFailures ? 1 : 0;
}

function chosen(
  flags: Flags,
  known: readonly string[],
): { readonly setups: Setup[]; readonly hasRestart: boolean } {
  const wanted = flags.text("rows")?.split(",");
  const strange = wanted?.find((name) => !known.includes(name));
  if (strange !== undefined) throw new UsageError(`no such row: ${strange}`);
  const isWanted = (name: string): boolean => wanted?.includes(name) ?? true;
  const setups = setupsOf(flags).map((setup) => {
    const rows = setup.rows.filter(({ name, h2load }) => {
      return isWanted(name) && (h2load === undefined || flags.has("h2load"));
    });
    return { ...setup, rows };
  });
  return {
    setups: setups.filter(({ rows }) => rows.length > 0),
    hasRestart: isWanted(RESTART_ROW) && flags.count("members") === 1,
  };
}

async function restartOnce(subject: SubjectName, flags: Flags, results: Results): Promise<void> {
  await withDataDir(flags.text("dir"), async (dataDir) => {
    const space = {
      keySize: flags.count("key-size", 16),
      valSize: flags.count("val-size"),
      keySpaceSize: flags.count("restart-keys"),
    };
    const seed = flags.count("seed", 0);
    const metrics = await measureRestart(subject, { dataDir, space, seed });
    results.add(RESTART_ROW, subject, { metrics });
    const [time] = metrics;
    console.error(`${subject} restart: ${figure(time?.value ?? Number.NaN)} ${time?.name}`);
  });
}

function report(results: Results, flags: Flags, pairs: number): void {
  if (flags.isSet("json")) {
    const record = { node: process.version, flags: flags.record(), rows: results.record() };
    console.log(JSON.stringify(record));
    return;
  }
  const members = flags.count("members");
  const clusters = members === 1 ? "" : `${members} members each, server figures are sums; `;
  const [clients, conns, seconds] = [
    flags.text("clients"),
    flags.text("conns"),
    flags.text("seconds"),
  ];
  console.log(
    `${clusters}medians, ${pairs} pairs, runs of ${seconds} s; ${clients} clients on ${conns} ` +
      `connections, keys ${flags.text("key-size")} and values ${flags.text("val-size")} bytes, ` +
      `${flags.text("key-space-size")} keys, seed ${flags.text("seed")}, node ${process.version}; ` +
      "ratio, min, max: of the pairs, capstan by etcd; goal: of the ratio",
  );
  console.log(results.table());
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = reportFailure(error);
}
