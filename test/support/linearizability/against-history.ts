import { type Change, describeChange, describeView, type History } from "./history.js";
import { describeKv, didWrite, type KvInput, type KvOutput, type KvStep } from "./kv-operation.js";
import type { Operation } from "./model.js";

/**
 * Holds every answer against the whole history: a write is in it at its revision, exactly as asked; what a
 * read showed is what was there at the read's revision, for a serializable read too, however old. Gives
 * what is wrong, one line each.
 */
export function checkAgainstHistory(
  operations: readonly Operation<KvInput, KvOutput>[],
  history: History,
): string[] {
  return operations.flatMap(({ client, input, output }) => {
    if (output === undefined) return [];
    const wrong = wrongAnswer({ input, output, history });
    return wrong === undefined ? [] : [`client ${client}, ${describeKv(input, output)}: ${wrong}`];
  });
}

function wrongAnswer(told: {
  input: KvInput;
  output: KvOutput;
  history: History;
}): string | undefined {
  const { input, output, history } = told;
  if (output.revision > history.last) return `the history ends at ${history.last}`;
  const branch = output.succeeded ? input.success : input.failure;
  if (didWrite(output)) {
    const wrong = wrongChanges(branch, { output, history });
    if (wrong !== undefined) return wrong;
  }
  for (const [index, step] of branch.entries()) {
    const answer = output.steps[index];
    if (answer?.kind !== "get") continue;
    // A transaction's read before its own write of the key shows the state before.
    const laterWrites = branch
      .slice(index + 1)
      .some((one) => one.kind !== "get" && one.key === step.key);
    const seenAt = laterWrites && didWrite(output) ? output.revision - 1 : output.revision;
    const there = describeView(history.stateAt(step.key, seenAt));
    if (describeView(answer.found) !== there) return `${step.key} was ${there} at ${seenAt}`;
  }
  return undefined;
}

function wrongChanges(
  branch: readonly KvStep[],
  { output, history }: { output: KvOutput; history: History },
): string | undefined {
  const asked = branch.flatMap((step, index) => {
    if (step.kind === "put") return [`put ${step.key}=${step.value}`];
    const answer = output.steps[index];
    return answer?.kind === "delete" && answer.deleted > 0 ? [`delete ${step.key}`] : [];
  });
  const changes = history.at(output.revision);
  const found = changes.map((one: Change) =>
    one.kind === "put" ? `put ${one.key}=${one.value}` : `delete ${one.key}`,
  );
  if (asked.join("; ") === found.join("; ")) return undefined;
  return `revision ${output.revision} is ${changes.map(describeChange).join("; ") || "nothing"}`;
}
