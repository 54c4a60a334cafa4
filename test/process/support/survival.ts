import assert, { AssertionError } from "node:assert/strict";
import { RpcClient } from "../../../src/main/client/rpc-client.js";
import type { Random } from "../../support/random.js";
import type { ServerProcess } from "../../support/server-process.js";
import { CALL_TIMEOUT_MS, Calls } from "./calls.js";
import { BUSY, Load } from "./load.js";
import type { LoadShape } from "./load-client.js";
import { Oracle } from "./oracle.js";
import { compareTold, verifyRestart } from "./verify.js";
import { Watcher } from "./watcher.js";

const OUT_OF_RANGE = 11;
const LAST_LINES = 5;

interface Round {
  readonly server: ServerProcess;
  readonly client: RpcClient;
  readonly watcher: Watcher;
  readonly load: Load;
}

/**
 * One store through many ends of its server: load and a watcher in each round, and after each restart
 * everything that must have survived. The watcher resumes where it was cut off.
 */
export class Survival {
  readonly oracle = new Oracle();
  /** Writes in flight at an end, over all rounds. */
  readonly inFlight = { happened: 0, vanished: 0 };
  readonly #random: Random;
  #shape: LoadShape = BUSY;
  #round: Round | undefined;
  #told: Watcher | undefined;
  #resumeAt = 2;
  /** Asked for, and acknowledged. */
  #compacting = 0;
  #compacted = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Checks a server that was started on what the last round left. */
  check(server: ServerProcess): Promise<void> {
    return explained(server, () => this.#check(server.target));
  }

  /** Starts load and watcher; the watcher has caught up when this resolves. */
  async begin(server: ServerProcess, shape: LoadShape): Promise<void> {
    this.#shape = shape;
    const { oracle } = this;
    const { target } = server;
    const client = new RpcClient(target);
    const watcher = new Watcher(client, { from: this.#resumeAt, prevKv: false });
    await watcher.until(oracle.checkedRevision, CALL_TIMEOUT_MS);
    const load = new Load({ target, oracle, random: this.#random, shape });
    this.#round = { server, client, watcher, load };
  }

  /** Compacts somewhere below what was checked. Resolves when it is done, or when the server ended. */
  async compact(): Promise<void> {
    const { client } = this.#running();
    const { checkedRevision } = this.oracle;
    if (this.#compacting >= checkedRevision) return;
    const revision = this.#random.integer(this.#compacting + 1, checkedRevision);
    this.#compacting = revision;
    await new Calls(client).compact(revision).then(
      () => {
        this.#compacted = revision;
      },
      () => {},
    );
  }

  /** Lets the load run until all its clients have failed; they were to. */
  async untilRefused(): Promise<void> {
    const { load } = this.#running();
    load.expectErrors();
    await load.ended();
  }

  /** Ends the server by `how`, and then the round. */
  async end(how: () => Promise<unknown>): Promise<void> {
    const { server, load, watcher, client } = this.#running();
    load.expectErrors();
    await how();
    await explained(server, () => load.stop());
    watcher.close();
    client.close();
    if (watcher.failure instanceof AssertionError) throw watcher.failure;
    this.#resumeAt = watcher.nextRevision;
    this.#told = watcher;
    this.#round = undefined;
  }

  async #check(target: string): Promise<void> {
    const common = { target, oracle: this.oracle, random: this.#random, shape: this.#shape };
    const settled = await verifyRestart({ ...common, compactedRevision: this.#compacting });
    this.inFlight.happened += settled.happened;
    this.inFlight.vanished += settled.vanished;
    if (this.#told !== undefined) compareTold(this.#told, this.oracle);
    if (this.#compacted > 0) await this.#checkCompacted(target);
  }

  #running(): Round {
    assert.ok(this.#round !== undefined, "no round is running");
    return this.#round;
  }

  /** A compaction that was acknowledged stays. */
  async #checkCompacted(target: string): Promise<void> {
    const client = new RpcClient(target);
    try {
      const past = { key: Buffer.from("none"), revision: BigInt(this.#compacted - 1) };
      await assert.rejects(new Calls(client).range(past), { code: OUT_OF_RANGE });
    } finally {
      client.close();
    }
  }
}

/** Adds the server's last words to a failure. */
async function explained(server: ServerProcess, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const lines = server.output().trimEnd().split("\n").slice(-LAST_LINES);
    throw new Error(`${message}\nthe server's last words:\n${lines.join("\n")}`, { cause: error });
  }
}
