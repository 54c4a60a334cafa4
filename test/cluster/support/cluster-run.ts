import type { TestContext } from "node:test";
import { eventually } from "../../process/support/eventually.js";
import { TEST_SEED } from "../../process/support/scale.js";
import { Random } from "../../support/random.js";
import type { Cluster } from "./cluster.js";
import { KeptWatch, type WatchAsk } from "./kept-watch.js";
import { LeaseClient } from "./lease-client.js";
import { LoadClient } from "./load-client.js";
import { Recorder } from "./recorder.js";
import { verifyRun } from "./verify-run.js";

const CLIENTS = 12;
const WRITE_TIMEOUT_MS = 60_000;

/** What a run has to know of what was there before it. */
export interface RunOptions {
  /** The first revision of the watches of everything. */
  readonly from?: number;
  /** Keys that others write begin so. */
  readonly foreignPrefix?: string;
}

const WHOLE = { key: "\0", rangeEnd: "\0", prevKv: true, filters: [], startRevision: 2 } as const;

/** Besides one watch of everything at each member. */
const WATCHES: readonly WatchAsk[] = [
  { ...WHOLE, key: "k", rangeEnd: "l", prevKv: false, startRevision: 0 },
  { key: "k1", prevKv: true, filters: ["delete"], startRevision: 0 },
  { ...WHOLE, key: "pair", rangeEnd: "pais", startRevision: 0 },
  { ...WHOLE, prevKv: false, filters: ["put"], startRevision: 0 },
];

/** A load of puts, transactions, reads, leases and watches on a cluster, throughout a test. */
export class ClusterRun {
  readonly cluster: Cluster;
  readonly recorder = new Recorder();
  readonly random = new Random(TEST_SEED);
  readonly #stop = new AbortController();
  readonly #watches: KeptWatch[];
  readonly #leases: LeaseClient;
  readonly #clients: Promise<unknown>;
  readonly #foreignPrefix: string | undefined;

  private constructor(cluster: Cluster, options: RunOptions) {
    this.cluster = cluster;
    this.#foreignPrefix = options.foreignPrefix;
    const { recorder, random } = this;
    const { network } = cluster;
    const tools = { cluster, recorder, random };
    const clients = Array.from({ length: CLIENTS }, (_, i) => new LoadClient(i + 1, tools));
    this.#leases = new LeaseClient(CLIENTS + 1, tools);
    this.#clients = Promise.all(
      [...clients, this.#leases].map((client) => client.run(this.#stop.signal)),
    );
    const anywhere = (): string => network.target(random.pick(cluster.members));
    // A member that was removed does not come back.
    const at = (member: number): string =>
      cluster.members.includes(member) ? network.target(member) : anywhere();
    const whole = { ...WHOLE, startRevision: options.from ?? WHOLE.startRevision };
    this.#watches = [
      ...cluster.members.map(
        (member) => new KeptWatch(`whole m${member}`, whole, () => at(member)),
      ),
      ...WATCHES.map((ask, index) => new KeptWatch(`part ${index + 1}`, ask, anywhere)),
    ];
  }

  /** Starts the load. It ends with the test at the latest. */
  static start(t: TestContext, cluster: Cluster, options: RunOptions = {}): ClusterRun {
    t.diagnostic(`seed ${TEST_SEED} (replay with CAPSTAN_TEST_SEED)`);
    const run = new ClusterRun(cluster, options);
    t.after(() => run.#end());
    return run;
  }

  /** Waits until a write that was called from now on is answered; gives the milliseconds that took. */
  async untilWrite(): Promise<number> {
    const startedMs = performance.now();
    const answeredMs = await eventually(WRITE_TIMEOUT_MS, () =>
      this.recorder.writtenSince(startedMs),
    );
    return answeredMs - startedMs;
  }

  /** Ends the load, and holds all that was seen against the promises; prints what was done. */
  async verify(t: TestContext): Promise<void> {
    this.#stop.abort();
    await this.#clients;
    t.diagnostic(`${this.recorder}; ${this.#leases}`);
    await verifyRun(t, {
      ...{ cluster: this.cluster, recorder: this.recorder },
      ...{ watches: this.#watches, leases: this.#leases },
      foreignPrefix: this.#foreignPrefix,
    });
  }

  async #end(): Promise<void> {
    this.#stop.abort();
    await Promise.all([this.#clients, ...this.#watches.map((watch) => watch.close())]);
  }
}
