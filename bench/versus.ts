/**
 * capstan beside etcd: starts each on a directory and ports of its own, makes the same loads
 * against one and then the other, several times in turns, and prints one table. See bench/README.md
 * for how to read it.
 */
import { type H2loadWorkload, measureWithH2load } from "./h2load.js";
import { fill } from "./load/fill.js";
import { type Measurement, measure } from "./load/measure.js";
import type { LoadPlan } from "./load/plan.js";
import {
  countFlag,
  type FlagValues,
  flagsHelp,
  LOAD_FLAGS,
  measureOptionsOf,
  parseFlags,
  planOf,
  reportFailure,
  textFlag,
  UsageError,
} from "./options.js";
import { metricsOf } from "./report/metrics.js";
import { figure, median, table } from "./report/table.js";
import {
  clearAwayOnSignals,
  type RunningSubject,
  type SubjectName,
  startSubjects,
  subjects,
  withDataDir,
} from "./servers/subjects.js";

/** One row group of the table. */
interface Case {
  readonly name: string;
  /** Made against a cluster, too, where nothing else is asked for. */
  readonly inClusters?: boolean;
  readonly workload: LoadPlan["workload"];
  readonly overrides?: Partial<LoadPlan>;
  /** Made by h2load, where it was given. */
  readonly h2load?: H2loadWorkload;
}

const CASES: readonly Case[] = [
  { name: "put", workload: "put", inClusters: true },
  {
    name: "put-one",
    workload: "put",
    inClusters: true,
    overrides: { clients: 1, conns: 1, threads: 1 },
  },
  { name: "put-h2load", workload: "put", h2load: "put" },
  { name: "range", workload: "range", inClusters: true },
  {
    name: "range-serializable",
    workload: "range",
    inClusters: true,
    overrides: { consistency: "s" },
  },
  { name: "range-h2load", workload: "range", h2load: "range" },
  { name: "list-1000", workload: "range", overrides: { span: 1000, clients: 10, conns: 10 } },
  { name: "txn", workload: "txn" },
  // Few writers: with many, the answer is how long events queue, and for the client itself.
  { name: "watch", workload: "watch", overrides: { clients: 16, conns: 16 } },
  { name: "lease-keepalive", workload: "lease-keepalive" },
];

const { total: _total, ...SHARED_FLAGS } = LOAD_FLAGS;
const FLAGS = {
  pairs: { type: "string", default: "3", help: "how often each server is measured, in turns" },
  cases: {
    type: "string",
    help: `some of ${CASES.map(({ name }) => name).join(",")}`,
  },
  only: { type: "string", help: "capstan or etcd alone" },
  members: { type: "string", default: "1", help: "of each cluster; clients use all of them" },
  dir: { type: "string", help: "where data directories are made (the temporary directory)" },
  h2load: { type: "string", help: "nghttp2's h2load, for the cases that it makes" },
  ...SHARED_FLAGS,
  seconds: { type: "string", default: "3", help: "how long each run takes" },
  "warmup-seconds": { type: "string", default: "2", help: "each run before, not measured" },
} as const;

/** Measurements by case and server, one per pair. */
type Results = Map<string, Map<SubjectName, Measurement[]>>;

async function measureCase(
  each: Case,
  { targets, pids }: RunningSubject,
  dataDir: string,
  values: FlagValues,
): Promise<Measurement> {
  const plan: LoadPlan = { ...planOf(each.workload, targets, values), ...each.overrides };
  const asked = measureOptionsOf(values, { pids, dataDir });
  // Nothing is left to do after reads.
  const options = each.workload === "range" ? { ...asked, settleSeconds: 0 } : asked;
  const program = textFlag(values, "h2load");
  return each.h2load !== undefined && program !== undefined
    ? measureWithH2load(program, { ...plan, workload: each.h2load }, options)
    : measure(plan, options);
}

/** Starts a server or a cluster, fills it, and makes all loads against it one after the other. */
async function measureSubject(
  subject: SubjectName,
  cases: readonly Case[],
  values: FlagValues,
  results: Results,
): Promise<void> {
  await withDataDir(textFlag(values, "dir"), async (dataDir) => {
    const members = countFlag(values, "members");
    const server = await startSubjects(subject, { dataDir, members });
    try {
      await fill(planOf("fill", server.targets, values));
      for (const each of cases) {
        const measurement = await measureCase(each, server, dataDir, values);
        const ofCase = results.get(each.name) ?? new Map<SubjectName, Measurement[]>();
        results.set(each.name, ofCase);
        ofCase.set(subject, [...(ofCase.get(subject) ?? []), measurement]);
        const { unit, perSecond, failures, firstFailure } = measurement;
        console.error(`${subject} ${each.name}: ${figure(perSecond)} ${unit}/s`);
        if (failures > 0) console.error(`  ${failures} calls failed, first: ${firstFailure}`);
      }
    } finally {
      await server.dispose();
    }
  });
}

/** Rows of one case: a metric each, with the medians and the median of the pairs' ratios. */
function caseRows(
  name: string,
  ofCase: ReadonlyMap<SubjectName, readonly Measurement[]>,
): string[][] {
  const capstan = (ofCase.get("capstan") ?? []).map(metricsOf);
  const etcd = (ofCase.get("etcd") ?? []).map(metricsOf);
  const metrics = capstan[0] ?? etcd[0] ?? [];
  return metrics.map((metric, row) => {
    const ours = capstan.map((metrics) => metrics[row]?.value ?? Number.NaN);
    const theirs = etcd.map((metrics) => metrics[row]?.value ?? Number.NaN);
    const ratios = ours.map((value, pair) => value / (theirs[pair] ?? Number.NaN));
    return [
      row === 0 ? name : "",
      metric.name,
      figure(median(ours)),
      figure(median(theirs)),
      figure(median(ratios)),
    ];
  });
}

function chosenCases(values: FlagValues): Case[] {
  const wanted = textFlag(values, "cases")?.split(",");
  const unknown = wanted?.find((name) => CASES.every((each) => each.name !== name));
  if (unknown !== undefined) throw new UsageError(`no such case: ${unknown}`);
  const isCluster = countFlag(values, "members") > 1;
  // h2load talks to one member only.
  const withH2load = values.h2load !== undefined && !isCluster;
  return CASES.filter((each) => each.h2load === undefined || withH2load).filter(
    ({ name, inClusters }) => wanted?.includes(name) ?? (inClusters === true || !isCluster),
  );
}

async function main(args: readonly string[]): Promise<number> {
  const values = parseFlags(args, FLAGS);
  if (values.help === true) {
    console.log(`usage: npm run bench:versus -- [FLAGS]\n${flagsHelp(FLAGS)}`);
    return 0;
  }
  const cases = chosenCases(values);
  const names = subjects(textFlag(values, "only"));
  const pairs = countFlag(values, "pairs");
  clearAwayOnSignals();
  const results: Results = new Map();
  for (let pair = 0; pair < pairs; pair += 1) {
    // Who is first changes, so that neither always meets the warmer machine.
    const order = pair % 2 === 0 ? names : [...names].reverse();
    for (const subject of order) await measureSubject(subject, cases, values, results);
  }
  report(results, values, pairs);
  const all = [...results.values()].flatMap((ofCase) => [...ofCase.values()].flat());
  return all.some(({ failures }) => failures > 0) ? 1 : 0;
}

function report(results: Results, values: FlagValues, pairs: number): void {
  if (values.json === true) {
    const cases = [...results].map(([name, ofCase]) => ({ name, ...Object.fromEntries(ofCase) }));
    console.log(JSON.stringify({ node: process.version, flags: values, cases }));
    return;
  }
  console.log(
    `${memberText(values)}medians of ${pairs} pairs of ${values.seconds} s; ` +
      `${values.clients} clients on ${values.conns} connections, ` +
      `keys ${values["key-size"]} and values ${values["val-size"]} bytes, ` +
      `${values["key-space-size"]} keys, seed ${values.seed}, node ${process.version}`,
  );
  const rows = [...results].flatMap(([name, ofCase]) => caseRows(name, ofCase));
  console.log(table([["", "", "capstan", "etcd", "ratio"], ...rows], 2));
}

function memberText(values: FlagValues): string {
  const members = countFlag(values, "members");
  return members === 1 ? "" : `${members} members each, server figures are sums; `;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = reportFailure(error);
}
