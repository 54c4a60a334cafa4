import type { ApplyResult } from "../../../src/apply-worker/core/machine-context.js";
import type { KvInput, KvOutput } from "../../support/linearizability/kv-operation.js";
import type { Operation } from "../../support/linearizability/model.js";

/** An operation that is on its way, or over. */
export interface RecordedOperation {
  readonly client: number;
  readonly invokedAt: number;
  returnedAt: number | undefined;
  readonly input: KvInput;
  output: KvOutput | undefined;
  /** Revisions that were known to everybody who could know when it began. */
  readonly floor: number;
  /** It never got to a server. */
  isVoid: boolean;
  /** The request that went through the log, if it did. It differs from every other. */
  proposal: Uint8Array | undefined;
  /** Reads an answer, which its client may never have got. */
  readonly decode: (body: Uint8Array, revision: number) => KvOutput;
}

/** What became of a proposal: undefined when it was never committed. */
export type ProposalFate = (request: Uint8Array) => ApplyResult | undefined;

/** What all clients did and were told, on one clock that never shows the same twice. */
export class History {
  readonly #operations: RecordedOperation[] = [];
  #clock = 0;
  #knownRevision = 1;

  /** Operations that ended with an answer. */
  answered = 0;

  /** The highest revision of any answer so far. */
  get knownRevision(): number {
    return this.#knownRevision;
  }

  /** A client asks for something. */
  begin(
    client: number,
    input: KvInput,
    decode: (body: Uint8Array, revision: number) => KvOutput,
  ): RecordedOperation {
    this.#clock += 1;
    const operation = {
      client,
      invokedAt: this.#clock,
      returnedAt: undefined,
      input,
      output: undefined,
      floor: this.#knownRevision,
      isVoid: false,
      proposal: undefined,
      decode,
    };
    this.#operations.push(operation);
    return operation;
  }

  /** It got an answer. */
  end(operation: RecordedOperation, output: KvOutput): void {
    this.#clock += 1;
    operation.returnedAt = this.#clock;
    operation.output = output;
    this.answered += 1;
    this.#knownRevision = Math.max(this.#knownRevision, output.revision);
  }

  /**
   * Everything that happened, for the checker. What nobody was told is known here all the same: whether an
   * unanswered write is in the log, and what it did there.
   */
  operations(fateOf: ProposalFate): Operation<KvInput, KvOutput>[] {
    const operations: Operation<KvInput, KvOutput>[] = [];
    const end = this.#clock + 1;
    for (const operation of this.#operations) {
      if (operation.output !== undefined) operations.push(operation);
      const { proposal, isVoid } = operation;
      if (operation.output !== undefined || isVoid || proposal === undefined) continue;
      const fate = fateOf(proposal);
      if (fate === undefined || fate.code !== 0) continue;
      const output = operation.decode(fate.body, fate.revision);
      operations.push({ ...operation, returnedAt: end, output });
    }
    return operations;
  }
}
