import type { Model, Operation } from "../support/linearizability/model.js";

/**
 * The definition itself: some operations of unknown outcome are left out, the others put in any order, and
 * the order must keep real time and be allowed by the model.
 */
export function linearizableByTrying<State, Input, Output>(
  model: Model<State, Input, Output>,
  operations: readonly Operation<Input, Output>[],
): boolean {
  const known = operations.filter(({ returnedAt }) => returnedAt !== undefined);
  const unknown = operations.filter(({ returnedAt }) => returnedAt === undefined);
  return subsets(unknown).some((happened) =>
    permutations([...known, ...happened]).some(
      (order) => keepsRealTime(order) && allowed(model, order),
    ),
  );
}

function subsets<T>(items: readonly T[]): T[][] {
  return Array.from({ length: 2 ** items.length }, (_, choice) =>
    items.filter((_, index) => Math.floor(choice / 2 ** index) % 2 === 1),
  );
}

function permutations<T>(items: readonly T[]): T[][] {
  if (items.length === 0) return [[]];
  return items.flatMap((item, index) =>
    permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
  );
}

function keepsRealTime<I, O>(order: readonly Operation<I, O>[]): boolean {
  return order.every((later, index) =>
    order
      .slice(0, index)
      .every(
        (earlier) => !(later.returnedAt !== undefined && later.returnedAt < earlier.invokedAt),
      ),
  );
}

function allowed<State, Input, Output>(
  model: Model<State, Input, Output>,
  order: readonly Operation<Input, Output>[],
): boolean {
  let states: State[] = [model.init()];
  for (const { returnedAt, input, output } of order) {
    states = states.flatMap((state) => {
      if (returnedAt === undefined) return [...model.stepUnknown(state, input)];
      const after = model.step(state, input, output as Output);
      return after === undefined ? [] : [after];
    });
  }
  return states.length > 0;
}
