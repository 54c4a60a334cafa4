import { createServer, type Server } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";

/** A command line that cannot be followed; the message says why. */
export class UsageError extends Error {}

/** What to run. */
export interface ClusterOptions {
  readonly members: number;
  /** Of the first member's clients; 0 takes free ports. */
  readonly port: number;
  /** Undefined: a temporary one, removed at the end. */
  readonly dir: string | undefined;
  /** Another program that takes etcd's flags. */
  readonly program: string | undefined;
  /** Given to every member. */
  readonly flags: readonly string[];
  readonly help: boolean;
}

/** One member: where it listens and lives. */
export interface MemberPlan {
  readonly name: string;
  readonly clientPort: number;
  readonly peerPort: number;
  readonly dataDir: string;
}

/** How many members are of any use (docs/facts/operations.md section 2). */
const MEMBERS_MAX = 7;
/** From one member's ports to the next one's. */
const PORT_STEP = 10;
const PORT_MAX = 65_535;

export const CLUSTER_USAGE = `usage: npm run cluster -- [OPTIONS] [-- FLAGS OF EVERY MEMBER]

  --members N     how many, 1 to ${MEMBERS_MAX} (3)
  --port PORT     of the first member's clients (2379); its peers use the next one, the other members
                  ports ${PORT_STEP} higher each; 0 takes free ports
  --dir DIR       keeps the data there, and goes on with it next time (a temporary directory)
  --program PATH  another server that takes the same flags, to compare
`;

/** Reads the command line. Throws UsageError. */
export function parseClusterOptions(args: readonly string[]): ClusterOptions {
  const end = args.indexOf("--");
  const own = end < 0 ? args : args.slice(0, end);
  const values = parseOwn(own);
  const port = wholeNumber("port", values.port ?? "2379", { least: 0, most: PORT_MAX });
  const members = wholeNumber("members", values.members ?? "3", { least: 1, most: MEMBERS_MAX });
  return {
    members,
    port,
    dir: values.dir,
    program: values.program,
    flags: end < 0 ? [] : args.slice(end + 1),
    help: values.help === true,
  };
}

function parseOwn(args: readonly string[]) {
  const string = { type: "string" } as const;
  const options = {
    ...{ members: string, port: string, dir: string, program: string },
    help: { type: "boolean" },
  } as const;
  try {
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function wholeNumber(
  name: string,
  text: string,
  { least, most }: { readonly least: number; readonly most: number },
): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new UsageError(`--${name} must be a whole number from ${least} to ${most}`);
}

/** Places for all members. Throws when a port is taken. */
export async function planMembers(
  { members, port }: ClusterOptions,
  dir: string,
): Promise<MemberPlan[]> {
  const plans: MemberPlan[] = [];
  // All are held until the last is found: a free port that was let go may be given again.
  const claims: Server[] = [];
  try {
    for (let i = 0; i < members; i += 1) {
      const name = `m${i + 1}`;
      const first = port === 0 ? 0 : port + i * PORT_STEP;
      const clients = await claimPort(name, first);
      claims.push(clients);
      const peers = await claimPort(name, first === 0 ? 0 : first + 1);
      claims.push(peers);
      const ports = { clientPort: portOf(clients), peerPort: portOf(peers) };
      plans.push({ name, ...ports, dataDir: join(dir, `${name}.etcd`) });
    }
  } finally {
    await Promise.all(claims.map((claim) => new Promise((resolve) => claim.close(resolve))));
  }
  return plans;
}

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address !== "object") throw new Error("no port");
  return address.port;
}

/** Holds the port, or a free one for 0. */
function claimPort(name: string, port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error) =>
      reject(new Error(`${name} cannot have its port: ${error.message}; --port names others`)),
    );
    server.listen(port, "127.0.0.1", () => resolve(server));
  });
}

/** The command line of one member. */
export function memberFlags(plan: MemberPlan, all: readonly MemberPlan[]): string[] {
  const client = `http://127.0.0.1:${plan.clientPort}`;
  const roster = all.map((each) => `${each.name}=${peerUrl(each)}`).join(",");
  return [
    ...["--name", plan.name, "--data-dir", plan.dataDir],
    ...["--listen-client-urls", client, "--advertise-client-urls", client],
    ...["--listen-peer-urls", peerUrl(plan), "--initial-advertise-peer-urls", peerUrl(plan)],
    ...["--initial-cluster", roster, "--initial-cluster-token", "local-cluster"],
  ];
}

function peerUrl({ peerPort }: MemberPlan): string {
  return `http://127.0.0.1:${peerPort}`;
}
