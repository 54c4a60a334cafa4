import {
  didWrite,
  type KvInput,
  type KvOutput,
  mayWrite,
} from "../../support/linearizability/kv-operation.js";
import type { Operation } from "../../support/linearizability/model.js";
import type { RevisionRecord } from "../../support/linearizability/revisions.js";

/** How many calls of a kind were made, and how many got no answer. */
export interface CallCount {
  made: number;
  failed: number;
}

/** What all clients of a run asked and were told. Times are of this process's clock. */
export class Recorder {
  readonly operations: Operation<KvInput, KvOutput>[] = [];
  /** Serializable reads: right at their revision, which may be old. */
  readonly staleReads: Operation<KvInput, KvOutput>[] = [];
  readonly reads: CallCount = { made: 0, failed: 0 };
  readonly writes: CallCount = { made: 0, failed: 0 };
  readonly #errors = new Map<string, number>();

  /** When the first write that was called after a moment was answered; undefined as long as none was. */
  writtenSince(momentMs: number): number | undefined {
    let firstMs: number | undefined;
    for (let index = this.operations.length - 1; index >= 0; index -= 1) {
      const { invokedAt, returnedAt, input } = this.operations[index]!;
      if (returnedAt !== undefined && returnedAt < momentMs) break;
      const isLater = returnedAt !== undefined && invokedAt >= momentMs && mayWrite(input);
      if (isLater) firstMs = Math.min(firstMs ?? returnedAt, returnedAt);
    }
    return firstMs;
  }

  /** Makes a call and records it; undefined when it failed. */
  async record(
    input: KvInput,
    how: { readonly client: number; readonly isStale: boolean },
    call: () => Promise<KvOutput>,
  ): Promise<KvOutput | undefined> {
    const writes = mayWrite(input);
    const count = writes ? this.writes : this.reads;
    const list = how.isStale ? this.staleReads : this.operations;
    const invokedAt = performance.now();
    const { client } = how;
    count.made += 1;
    try {
      const output = await call();
      const returnedAt = performance.now();
      list.push({ client, invokedAt, returnedAt, input, output });
      return output;
    } catch (error) {
      count.failed += 1;
      this.#noteError(error);
      // An error does not say that a write did not happen; of a read it says nothing at all.
      if (writes) {
        list.push({ client, invokedAt, returnedAt: undefined, input, output: undefined });
      }
      return undefined;
    }
  }

  /** The answered calls, for the check of revisions against time. */
  revisionRecords(): RevisionRecord[] {
    return this.operations.flatMap(({ client, invokedAt, returnedAt, output }) => {
      if (output === undefined || returnedAt === undefined) return [];
      const kind = didWrite(output) ? "write" : "read";
      return [{ client, invokedAt, returnedAt, revision: output.revision, kind }];
    });
  }

  /** Reads and writes, made and failed, and the errors, in one line. */
  toString(): string {
    const errors = [...this.#errors].map(([text, count]) => `${count} x ${text}`);
    const told = ({ made, failed }: CallCount): string => `${made} (${failed} failed)`;
    const line = `reads ${told(this.reads)}, writes ${told(this.writes)}`;
    return errors.length === 0 ? line : `${line}: ${errors.join("; ")}`;
  }

  #noteError(error: unknown): void {
    // Addresses and times differ from call to call.
    const text = String(error)
      .replace(/\d+\.\d+\.\d+\.\d+:\d+/g, "…")
      .replace(/\d{2,}/g, "#")
      .slice(0, 90);
    this.#errors.set(text, (this.#errors.get(text) ?? 0) + 1);
  }
}
