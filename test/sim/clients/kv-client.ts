import {
  CompactionRequest,
  Compare_CompareResult,
  Compare_CompareTarget,
  DeleteRangeRequest,
  DeleteRangeResponse,
  PutRequest,
  PutResponse,
  RangeResponse,
  TxnRequest,
  type TxnRequest as TxnRequestType,
  TxnResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { EntryKind } from "../../../src/shared/messages/entry.js";
import { encodeRangeBody, range } from "../../../src/shared/mvcc/range.js";
import { bytes, compare, del, get, op, put, txn } from "../../apply/support/machine.js";
import {
  type KvInput,
  type KvOutput,
  type KvStep,
  type KvStepOutput,
  single,
} from "../../support/linearizability/kv-operation.js";
import type { Random } from "../../support/random.js";
import type { ReadChecks } from "../checks/read-checks.js";
import type { SimFrontend } from "../member/sim-frontend.js";
import type { World } from "../world/world.js";
import type { History, RecordedOperation } from "./history.js";
import { deleteOutput, getOutput, putOutput, txnOutputs } from "./kv-answer.js";
import type { MemberPort } from "./member-port.js";

/** What a server answered: a code, or a revision and a body. */
interface WireAnswer {
  readonly code: number;
  readonly revision: number;
  readonly body: Uint8Array;
}

/** What a client is made of. */
export interface KvClientOptions {
  readonly number: number;
  readonly world: World;
  readonly random: Random;
  readonly port: MemberPort;
  readonly history: History;
  readonly reads: ReadChecks;
  readonly keys: readonly string[];
  /** Longest pause between two operations. */
  readonly thinkMsMax: number;
}

type Ended = { readonly answer: WireAnswer } | "refused" | "lost" | "timeout";

/** One client, with one operation at a time: puts, deletes, compare-and-swap, reads of both kinds. */
export class KvClient {
  readonly #options: KvClientOptions;
  #writes = 0;
  /** Mod revisions that it saw last, by key: what it compares with. */
  readonly #seen = new Map<string, number>();
  #isStopped = false;
  /** Operations that were answered without an error. */
  succeeded = 0;

  constructor(options: KvClientOptions) {
    this.#options = options;
  }

  /** Begins to work. */
  start(): void {
    this.#next();
  }

  /** Ends with the operation that is on its way. */
  stop(): void {
    this.#isStopped = true;
  }

  #next(): void {
    const { world, random, thinkMsMax } = this.#options;
    world.events.after(random.next() * thinkMsMax, () => {
      if (!this.#isStopped) this.#operate();
    });
  }

  #operate(): void {
    const { random, keys } = this.#options;
    const key = random.pick(keys);
    const act = random.weighted([
      [8, () => this.#put(key)],
      [3, () => this.#delete(key)],
      [5, () => this.#compareAndSwap(key)],
      [2, () => this.#putTwo(key, random.pick(keys))],
      [8, () => this.#read(key, false)],
      [4, () => this.#read(key, true)],
      [0.3, () => this.#compact()],
    ] as const);
    act();
  }

  #put(key: string): void {
    const value = this.#value();
    const request = put(key, value, { prevKv: true });
    this.#write(single({ kind: "put", key, value }), {
      kind: EntryKind.put,
      payload: PutRequest.encode(request).finish(),
      decode: (body, revision) => wrote(revision, putOutput(PutResponse.decode(body))),
    });
  }

  #delete(key: string): void {
    this.#write(single({ kind: "delete", key }), {
      kind: EntryKind.deleteRange,
      payload: this.#unlike(DeleteRangeRequest.encode(del(key, "", true)).finish()),
      decode: (body, revision) => wrote(revision, deleteOutput(DeleteRangeResponse.decode(body))),
    });
  }

  #compareAndSwap(key: string): void {
    const value = this.#value();
    const modRevision = this.#seen.get(key) ?? 0;
    const success: KvStep[] = [{ kind: "put", key, value }];
    const failure: KvStep[] = [{ kind: "get", key }];
    const request = txn({
      compare: [
        compare(key, {
          target: Compare_CompareTarget.MOD,
          result: Compare_CompareResult.EQUAL,
          targetUnion: { $case: "modRevision", value: BigInt(modRevision) },
        }),
      ],
      success: [op.put(put(key, value, { prevKv: true }))],
      failure: [op.get(get(key))],
    });
    const guard = { key, target: "modRevision", is: "=", than: modRevision } as const;
    this.#transact({ guards: [guard], success, failure }, request);
  }

  #putTwo(key: string, other: string): void {
    if (key === other) return this.#put(key);
    const steps: KvStep[] = [key, other].map((one) => ({
      kind: "put",
      key: one,
      value: this.#value(),
    }));
    const ops = steps.map((step) =>
      op.put(put(step.key, step.kind === "put" ? step.value : "", { prevKv: true })),
    );
    this.#transact({ guards: [], success: steps, failure: [] }, txn({ success: ops }));
  }

  #transact(input: KvInput, request: TxnRequestType): void {
    this.#write(input, {
      kind: EntryKind.txn,
      payload: TxnRequest.encode(request).finish(),
      decode: (body, revision) => {
        const response = TxnResponse.decode(body);
        const { succeeded } = response;
        const steps = txnOutputs(response, succeeded ? input.success : input.failure);
        return { revision, succeeded, steps };
      },
    });
  }

  #write(
    input: KvInput,
    request: {
      readonly kind: EntryKind;
      readonly payload: Uint8Array;
      readonly decode: (body: Uint8Array, revision: number) => KvOutput;
    },
  ): void {
    const { history, number } = this.#options;
    const operation = history.begin(number, input, request.decode);
    this.#call(
      operation,
      (frontend, answer) => {
        operation.proposal = request.payload;
        propose(frontend, request, answer);
      },
      (answer) => this.#answered(operation, answer),
    );
  }

  #read(key: string, serializable: boolean): void {
    const { history, number, reads } = this.#options;
    const input = single({ kind: "get", key });
    const decode = (body: Uint8Array, revision: number): KvOutput => {
      const steps = [getOutput(RangeResponse.decode(body))];
      return { revision, succeeded: true, steps };
    };
    if (serializable) {
      // It promises nothing about the present: it is no part of the history.
      return this.#call(
        undefined,
        (frontend, answer) => answer(readKey(frontend, key)),
        ({ body, revision }) => reads.served(input, decode(body, revision)),
      );
    }
    const operation = history.begin(number, input, decode);
    this.#call(
      operation,
      (frontend, answer) =>
        frontend.frontend.linearizable((code) =>
          answer(code === 0 ? readKey(frontend, key) : { code, revision: 0, body: bytes("") }),
        ),
      (answer) => this.#answered(operation, answer),
    );
  }

  #answered(operation: RecordedOperation, { body, revision }: WireAnswer): void {
    const { history, reads } = this.#options;
    const output = operation.decode(body, revision);
    history.end(operation, output);
    reads.answered(operation, output);
    this.#learn(operation.input, output);
  }

  #compact(): void {
    const { history } = this.#options;
    const revision = BigInt(Math.max(1, history.knownRevision - 30));
    const payload = CompactionRequest.encode({ revision, physical: false }).finish();
    const request = { kind: EntryKind.compact, payload };
    this.#call(
      undefined,
      (frontend, answer) => propose(frontend, request, answer),
      () => {},
    );
  }

  #call(
    operation: RecordedOperation | undefined,
    serve: (frontend: SimFrontend, answer: (value: WireAnswer) => void) => void,
    take: (answer: WireAnswer) => void,
  ): void {
    const { port, random } = this.#options;
    const ended = (result: Ended): void => {
      if (typeof result === "object" && result.answer.code === 0) {
        this.succeeded += 1;
        take(result.answer);
      } else {
        if (operation !== undefined && result === "refused") operation.isVoid = true;
        port.leave();
      }
      if (random.chance(0.05)) port.leave();
      this.#next();
    };
    port.call<WireAnswer>({ timeoutMs: 1000 + random.next() * 2000, serve, ended });
  }

  /** Values are never used twice: what a read gives names the write. */
  #value(): string {
    this.#writes += 1;
    return `${this.#options.number}.${this.#writes}`;
  }

  /** The same request with an unknown field that no other has: so that its entry can be found in the log. */
  #unlike(request: Uint8Array): Uint8Array {
    const unknown = PutRequest.encode(put("", this.#value())).finish();
    const header = Uint8Array.of(0xa2, 0x06, unknown.length);
    return Buffer.concat([request, header, unknown]);
  }

  #learn(input: KvInput, output: KvOutput): void {
    const branch = output.succeeded ? input.success : input.failure;
    for (const [at, step] of branch.entries()) {
      const told = output.steps[at];
      if (step.kind === "put") this.#seen.set(step.key, output.revision);
      else if (told?.kind === "get") this.#seen.set(step.key, told.found?.modRevision ?? 0);
      else this.#seen.set(step.key, 0);
    }
  }
}

function wrote(revision: number, step: KvStepOutput): KvOutput {
  return { revision, succeeded: true, steps: [step] };
}

function propose(
  frontend: SimFrontend,
  request: { readonly kind: EntryKind; readonly payload: Uint8Array },
  answer: (value: WireAnswer) => void,
): void {
  frontend.frontend.propose(request.kind, request.payload, (code, revision, body, offset, length) =>
    answer({ code, revision, body: Uint8Array.from(body.subarray(offset, offset + length)) }),
  );
}

function readKey(frontend: SimFrontend, key: string): WireAnswer {
  const outcome = range(frontend.frontend.view, get(key));
  if (!outcome.ok) return { code: outcome.code, revision: 0, body: bytes("") };
  const { revision } = outcome.value;
  return { code: 0, revision, body: Uint8Array.from(encodeRangeBody(outcome.value)) };
}
