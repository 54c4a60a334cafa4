/**
 * The load generator: `node dist/bench/main.js COMMAND [FLAGS]`.
 * See bench/README.md for what is measured and how to read it.
 */
import { fill, fillPlan } from "./load/fill.js";
import { measure } from "./load/measure.js";
import { WORKLOADS, type WorkloadName } from "./load/plan.js";
import {
  countsFlag,
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
import { figure, table } from "./report/table.js";
import { RESTART_FLAGS, restartCommand } from "./restart.js";

const ENDPOINT_FLAGS = {
  endpoints: { type: "string", default: "127.0.0.1:2379", help: "host:port, several with commas" },
  pid: { type: "string", help: "the server's process, to see what it uses; several with commas" },
  "data-dir": { type: "string", help: "the server's, to see what reaches its disk" },
  "no-fill": { type: "boolean", default: false, help: "range: the keys are there already" },
} as const;
const FLAGS = { ...ENDPOINT_FLAGS, ...LOAD_FLAGS };

const HELP = `usage: npm run bench -- COMMAND [FLAGS]

commands against a server that runs:
  put              puts of one key
  range            reads of one key, or of --span keys
  txn              create or update by revision, as Kubernetes does
  watch            puts under many watchers; events delivered are counted
  lease-keepalive  renewals, a lease and a stream for each client
  fill             writes --key-space-size keys, 128 per transaction
${flagsHelp(FLAGS)}

command that starts servers of its own:
  restart          time from SIGKILL to the first linearizable read, capstan and etcd
${flagsHelp(RESTART_FLAGS)}

capstan beside etcd, everything in one table: npm run bench:versus -- --help
`;

async function loadCommand(workload: WorkloadName, values: FlagValues): Promise<number> {
  const endpoints = (textFlag(values, "endpoints") ?? "")
    .split(",")
    .map((endpoint) => endpoint.trim().replace(/^http:\/\//, ""));
  const pids = countsFlag(values, "pid");
  const asked = planOf(workload, endpoints, values);
  const plan = workload === "fill" ? fillPlan(asked) : asked;
  const options = measureOptionsOf(values, { pids, dataDir: textFlag(values, "data-dir") });
  if (workload === "range" && values["no-fill"] !== true) await fill(plan);
  const measurement =
    workload === "fill" ? await fill(plan, options) : await measure(plan, options);
  if (values.json === true) {
    console.log(JSON.stringify({ node: process.version, plan, options, measurement }));
  } else {
    const { count, unit, seconds, failures, firstFailure } = measurement;
    console.log(
      `${workload}: ${count} ${unit} in ${seconds.toFixed(2)} s, ${plan.clients} clients on ` +
        `${plan.conns} connections (${plan.client}), seed ${plan.seed}, node ${process.version}`,
    );
    const rows = metricsOf(measurement).map(({ name, value }) => [name, figure(value)]);
    console.log(table(rows, 1));
    if (failures > 0) console.log(`${failures} calls failed, first: ${firstFailure}`);
  }
  return measurement.failures > 0 ? 1 : 0;
}

async function main([command, ...args]: readonly string[]): Promise<number> {
  const workload = WORKLOADS.find((name) => name === command);
  if (workload !== undefined) {
    const values = parseFlags(args, FLAGS);
    if (values.help !== true) return loadCommand(workload, values);
  } else if (command === "restart") {
    const values = parseFlags(args, RESTART_FLAGS);
    if (values.help !== true) return restartCommand(values);
  } else if (command !== undefined && command !== "--help") {
    throw new UsageError(`no such command: ${command}`);
  }
  console.log(HELP);
  return 0;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = reportFailure(error);
}
