import { RpcClient } from "../../../src/main/client/rpc-client.js";
import type { Random } from "../../support/random.js";
import { Calls } from "./calls.js";
import { LoadClient, type LoadShape } from "./load-client.js";
import type { Oracle } from "./oracle.js";

/** Small values, many revisions. */
export const BUSY: LoadShape = {
  name: "busy",
  ...{ clients: 32, connections: 4, valueBytes: [16, 300] },
  ...{ ownKeys: 10, groups: 4, groupKeys: 5 },
};

/** Large values: a segment of the log and a checkpoint of the store every second or so. */
export const HEAVY: LoadShape = {
  name: "heavy",
  ...{ clients: 12, connections: 4, valueBytes: [60_000, 200_000] },
  ...{ ownKeys: 2, groups: 2, groupKeys: 3 },
};

/** Concurrent clients that write until they are stopped. What they hear goes to the oracle. */
export class Load {
  readonly #connections: RpcClient[];
  readonly #clients: Promise<void>[];
  readonly #failures: unknown[] = [];
  #errorsExpected = false;
  #stopping = false;

  /** Starts at once. */
  constructor(options: {
    readonly target: string;
    readonly oracle: Oracle;
    readonly random: Random;
    readonly shape: LoadShape;
  }) {
    const { target, oracle, random, shape } = options;
    this.#connections = Array.from({ length: shape.connections }, () => new RpcClient(target));
    const calls = this.#connections.map((connection) => new Calls(connection));
    this.#clients = Array.from({ length: shape.clients }, (_, i) =>
      this.#run(new LoadClient(i, { calls: random.pick(calls), oracle, random, shape })),
    );
  }

  /** Resolves when every client has ended, each with its first failure. */
  async ended(): Promise<void> {
    await Promise.all(this.#clients);
  }

  /** From now on calls may fail: the server is about to end. A wrong answer still counts. */
  expectErrors(): void {
    this.#errorsExpected = true;
  }

  /** Ends the clients; rejects with the first failure that nobody expected. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.ended();
    for (const connection of this.#connections) connection.close();
    const [first] = this.#failures;
    if (first !== undefined) throw first;
  }

  async #run(client: LoadClient): Promise<void> {
    try {
      while (!this.#stopping) await client.step();
    } catch (error) {
      // A client ends with its first failure: what it knows of its own keys is not sure any more.
      if (!(this.#errorsExpected && isRpcError(error))) this.#failures.push(error);
    }
  }
}

function isRpcError(error: unknown): boolean {
  return error instanceof Error && "code" in error && typeof error.code === "number";
}
