import { setTimeout as delay } from "node:timers/promises";
import {
  type Guard,
  type KeyView,
  type KvInput,
  type KvOutput,
  type KvStep,
  mayWrite,
  single,
} from "../../support/linearizability/kv-operation.js";
import type { Random } from "../../support/random.js";
import type { Cluster } from "./cluster.js";
import { callKv } from "./kv-call.js";
import { MemberClient } from "./member-client.js";
import type { Recorder } from "./recorder.js";

const CALL_TIMEOUT_MS = 2_000;
const KEYS = 8;
const PAIRS = 3;
const PAUSE_MS = [5, 35] as const;

/** What a client of the load has. */
export interface LoadClientOptions {
  readonly cluster: Cluster;
  readonly recorder: Recorder;
  readonly random: Random;
}

/**
 * A client that calls one member, one call after the other, and goes to another when a call fails. Every
 * value that it writes is written once.
 */
export class LoadClient {
  readonly #number: number;
  readonly #options: LoadClientOptions;
  /** What it last saw of a key, to guard its next change by. */
  readonly #seen = new Map<string, KeyView | undefined>();
  #client: MemberClient;
  #values = 0;

  constructor(number: number, options: LoadClientOptions) {
    this.#number = number;
    this.#options = options;
    this.#client = new MemberClient(options.cluster.network.target(this.#anyMember()));
  }

  /** Calls until it is told to stop. */
  async run(stopped: AbortSignal): Promise<void> {
    const { random } = this.#options;
    while (!stopped.aborted) {
      await this.#call();
      await delay(random.integer(...PAUSE_MS));
    }
    this.#client.close();
  }

  async #call(): Promise<void> {
    const { random, recorder } = this.#options;
    const input = this.#nextInput();
    const isStale = !mayWrite(input) && input.success.length === 1 && random.chance(0.3);
    const output = await recorder.record(input, { client: this.#number, isStale }, () =>
      callKv(this.#client, input, { timeoutMs: CALL_TIMEOUT_MS, serializable: isStale }),
    );
    if (output !== undefined) this.#learn(input, output);
    else this.#move();
  }

  #move(): void {
    this.#client.close();
    this.#client = new MemberClient(this.#options.cluster.network.target(this.#anyMember()));
  }

  #anyMember(): number {
    return this.#options.random.pick(this.#options.cluster.members);
  }

  #nextInput(): KvInput {
    const { random } = this.#options;
    const key = `k${random.integer(1, KEYS)}`;
    return random.weighted<() => KvInput>([
      [25, () => single(this.#put(key))],
      [35, () => single({ kind: "get", key })],
      [4, () => single({ kind: "delete", key })],
      [22, () => this.#compareAndSwap(key)],
      [9, () => this.#changePair(random.integer(1, PAIRS))],
      [5, () => pairOf(random.integer(1, PAIRS), (half) => ({ kind: "get", key: half }))],
    ])();
  }

  #put(key: string): Extract<KvStep, { kind: "put" }> {
    this.#values += 1;
    return { kind: "put", key, value: `${this.#number}.${this.#values}` };
  }

  #compareAndSwap(key: string): KvInput {
    const view = this.#seen.get(key);
    const guard = this.#options.random.pick<Guard>([
      { key, target: "modRevision", is: "=", than: view?.modRevision ?? 0 },
      { key, target: "version", is: "=", than: view?.version ?? 0 },
      view === undefined
        ? { key, target: "createRevision", is: "=", than: 0 }
        : { key, target: "value", is: "=", than: view.value },
    ]);
    return { guards: [guard], success: [this.#put(key)], failure: [{ kind: "get", key }] };
  }

  /** Both halves of a pair at once: nobody may ever see one without the other. */
  #changePair(pair: number): KvInput {
    return pairOf(pair, (key) => this.#put(key));
  }

  #learn(input: KvInput, output: KvOutput): void {
    const branch = output.succeeded ? input.success : input.failure;
    for (const [index, step] of branch.entries()) {
      const told = output.steps[index];
      if (told?.kind === "get") this.#seen.set(step.key, told.found);
      else if (step.kind === "put") this.#seen.delete(step.key);
    }
  }
}

function pairOf(pair: number, step: (key: string) => KvStep): KvInput {
  return { guards: [], success: [step(`pair${pair}/a`), step(`pair${pair}/b`)], failure: [] };
}
