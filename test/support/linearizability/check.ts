import type { Model, Operation } from "./model.js";
import { Search, type SearchResult } from "./search.js";

/** What came of a check. */
export interface Verdict {
  /** "unknown": a partition used up its steps. A test treats it as a failure: nothing was shown. */
  readonly verdict: "linearizable" | "illegal" | "unknown";
  readonly steps: number;
  readonly partitions: number;
  /** Empty when linearizable; else what could not be ordered. */
  readonly text: string;
}

/** Steps of one partition, at most. */
export const SEARCH_STEPS_MAX = 1_000_000;

const REPORT_OPERATIONS = 12;

/**
 * Says whether the operations can be put in one order that the model allows and that keeps the order of
 * real time: an operation that returned before another was called comes first.
 */
export function checkLinearizable<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
  options: { readonly stepsMax?: number } = {},
): Verdict {
  const partitions = model.partition?.(operations) ?? [[...operations]];
  let steps = 0;
  for (const partition of partitions) {
    const result = new Search(model, partition).run(options.stepsMax ?? SEARCH_STEPS_MAX);
    steps += result.steps;
    if (result.verdict === "linearizable") continue;
    const text = report(model, partition, result);
    return { verdict: result.verdict, steps, partitions: partitions.length, text };
  }
  return { verdict: "linearizable", steps, partitions: partitions.length, text: "" };
}

/** The end of the longest order that was found, the state there, and who could not follow. */
function report<State, Input, Output>(
  model: Model<State, Input, Output>,
  partition: readonly Operation<Input, Output>[],
  result: SearchResult<State, Input, Output>,
): string {
  const line = (operation: Operation<Input, Output>): string => {
    const { client, invokedAt, returnedAt, input, output } = operation;
    const told = model.describe?.(input, output) ?? JSON.stringify({ input, output });
    return `  client ${client} [${invokedAt}, ${returnedAt ?? "unknown"}] ${told}`;
  };
  const placed = new Set(result.order);
  const left = partition
    .filter((operation) => !placed.has(operation) && operation.returnedAt !== undefined)
    .sort((a, b) => a.invokedAt - b.invokedAt);
  const title =
    result.verdict === "unknown"
      ? `undecided after ${result.steps} steps: no order found, and not shown that there is none`
      : `not linearizable (${result.steps} steps)`;
  return [
    `${title}; ${result.order.length} of ${partition.length} operations in order, the last ones:`,
    ...result.order.slice(-REPORT_OPERATIONS).map(line),
    `state there: ${model.key(result.state)}; the first ones with no place:`,
    ...left.slice(0, REPORT_OPERATIONS).map(line),
  ].join("\n");
}
