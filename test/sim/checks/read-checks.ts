import { text } from "../../apply/support/machine.js";
import {
  describeKv,
  didWrite,
  type KeyView,
  type KvInput,
  type KvOutput,
} from "../../support/linearizability/kv-operation.js";
import type { RecordedOperation } from "../clients/history.js";
import { promise } from "../world/failure.js";
import { readStoredValue } from "./stored-value.js";
import type { Truth } from "./truth.js";

/**
 * Holds answers against the one true history, as they come. Revisions give the order: an answer is right if
 * it says what the history says at its revision, and if that is not older than anything that was told to
 * anybody before the question.
 */
export class ReadChecks {
  readonly #truth: Truth;

  constructor(truth: Truth) {
    this.#truth = truth;
  }

  /** A write or a linearizable read was answered. */
  answered(operation: RecordedOperation, output: KvOutput): void {
    const { input, floor } = operation;
    const wrote = didWrite(output);
    const isNew = wrote ? output.revision > floor : output.revision >= floor;
    promise(
      isNew,
      "answers are linearizable",
      () => `revision ${floor} was known when this was asked: ${describeKv(input, output)}`,
    );
    this.#matches(input, output);
  }

  /** A serializable read was answered: any state that there was will do. */
  served(input: KvInput, output: KvOutput): void {
    this.#matches(input, output);
  }

  #matches(input: KvInput, output: KvOutput): void {
    const told = (): string => describeKv(input, output);
    promise(
      output.revision <= this.#truth.revision,
      "answers are of the history",
      () => `no member has that revision: ${told()}`,
    );
    const branch = output.succeeded ? input.success : input.failure;
    for (const [at, step] of branch.entries()) {
      const answer = output.steps[at];
      const now = this.#viewAt(step.key, output.revision);
      if (step.kind === "get" && answer?.kind === "get") {
        promise(
          isSame(answer.found, now),
          "answers are of the history",
          () => `the history has ${JSON.stringify(now)}: ${told()}`,
        );
      } else if (step.kind === "put") {
        promise(
          now?.value === step.value && now.modRevision === output.revision,
          "answers are of the history",
          () => `the acknowledged put is not in the history: ${told()}`,
        );
      } else if (step.kind === "delete") {
        promise(
          now === undefined,
          "answers are of the history",
          () => `the deleted key is in the history: ${told()}`,
        );
      }
    }
  }

  #viewAt(key: string, revision: number): KeyView | undefined {
    const change = this.#truth.keyAt(key, revision);
    if (change === undefined) return undefined;
    return {
      value: text(readStoredValue(change.keyValue)),
      createRevision: change.createRevision,
      modRevision: change.main,
      version: change.version,
    };
  }
}

function isSame(told: KeyView | undefined, is: KeyView | undefined): boolean {
  if (told === undefined || is === undefined) return told === is;
  return (
    told.value === is.value &&
    told.modRevision === is.modRevision &&
    told.createRevision === is.createRevision &&
    told.version === is.version
  );
}
