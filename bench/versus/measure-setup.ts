import { PLAIN_CONNECT } from "../client/open-connection.js";
import type { Flags } from "../commands/flags.js";
import { measureFlags } from "../commands/run-flags.js";
import { fill, fillPlan } from "../load/fill.js";
import { type MeasureOptions, measure } from "../load/measure.js";
import type { Measurement } from "../load/measurement.js";
import type { LoadPlan } from "../load/plan.js";
import { failureText } from "../load/tally.js";
import { metricsOf } from "../report/metrics.js";
import { ProgressBar } from "../report/progress-bar.js";
import { figure } from "../report/table.js";
import { measureWithH2load } from "./h2load.js";
import type { Results, RowResult } from "./results.js";
import type { Row, Setup } from "./rows.js";
import { type RunningSubject, type SubjectName, startSubjects, withDataDir } from "./subjects.js";

/** Starts a server or a cluster, fills it, and makes all rows on it one after the other. */
export async function measureSetup(
  subject: SubjectName,
  setup: Setup,
  flags: Flags,
  results: Results,
): Promise<void> {
  await withDataDir(flags.text("dir"), async (dataDir) => {
    const server = await startSubjects(subject, { dataDir, members: setup.members });
    try {
      const [first] = setup.rows;
      if (setup.fill !== undefined && first !== undefined) {
        await fill(fillPlan(planOf(first, server, flags), setup.fill));
      }
      for (const row of setup.rows) {
        const result = await resultOf(() => measureRow(row, { server, dataDir, flags }));
        results.add(row.name, subject, result);
        const [rate] = result.metrics;
        if (rate !== undefined) {
          console.error(`${subject} ${row.name}: ${figure(rate.value)} ${rate.name}`);
        }
        if (result.failure !== undefined) {
          console.error(`${subject} ${row.name}: failed, first: ${result.failure}`);
        }
      }
    } finally {
      await server.dispose();
    }
  });
}

/** A row that cannot be made at all is a failed one: the others are worth having. */
async function resultOf(measureIt: () => Promise<Measurement>): Promise<RowResult> {
  try {
    const measurement = await measureIt();
    return { metrics: metricsOf(measurement), failure: measurement.failures[0]?.text };
  } catch (error) {
    return { metrics: [], failure: error instanceof Error ? failureText(error) : String(error) };
  }
}

interface Subject {
  readonly server: RunningSubject;
  readonly dataDir: string;
  readonly flags: Flags;
}

function measureRow(row: Row, { server, dataDir, flags }: Subject): Promise<Measurement> {
  const plan = planOf(row, server, flags);
  const asked = measureFlags(flags);
  const options: MeasureOptions = {
    ...asked,
    limits: { calls: Number.POSITIVE_INFINITY, seconds: flags.number("seconds") },
    settleSeconds: row.isRead === true ? 0 : asked.settleSeconds,
    server: { kind: "processes", pids: server.pids, dataDir },
    progress: new ProgressBar(process.stderr),
  };
  const program = flags.text("h2load");
  return row.h2load !== undefined && program !== undefined
    ? measureWithH2load(program, { ...plan, load: row.h2load }, options)
    : measure(plan, options);
}

function planOf({ load, clients, conns }: Row, server: RunningSubject, flags: Flags): LoadPlan {
  const threads = Math.min(flags.count("threads"), conns, clients);
  const seed = flags.count("seed", 0);
  return { load, endpoints: server.targets, connect: PLAIN_CONNECT, threads, conns, clients, seed };
}
