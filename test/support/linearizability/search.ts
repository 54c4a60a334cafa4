import { LinearizedSet } from "./linearized-set.js";
import type { Model, Operation } from "./model.js";

/** What the search of one partition came to. */
export interface SearchResult<State, Input, Output> {
  /** "unknown": the steps were used up. */
  readonly verdict: "linearizable" | "illegal" | "unknown";
  readonly steps: number;
  /** The longest order that was found, and the state after it. */
  readonly order: readonly Operation<Input, Output>[];
  readonly state: State;
}

/** A call or a return in the doubly linked list of what is not linearized yet. */
interface Entry<Input, Output> {
  readonly operation: Operation<Input, Output>;
  readonly number: number;
  readonly isCall: boolean;
  readonly at: number;
  readonly touches: readonly string[] | undefined;
  /** Of a call: its return. */
  match: Entry<Input, Output> | undefined;
  previous: Entry<Input, Output> | undefined;
  next: Entry<Input, Output> | undefined;
}

/** One linearized operation, and what is needed to take it back and go on behind it. */
interface Frame<State, Input, Output> {
  readonly entry: Entry<Input, Output>;
  readonly stateBefore: State;
  /** Of an unknown operation: the outcome to try next. */
  readonly nextOutcome: number;
}

/** Where in the list of candidates the search is: at a known call, or at an outcome of an unknown one. */
interface Cursor<Input, Output> {
  known: Entry<Input, Output> | undefined;
  unknown: number;
  outcome: number;
  /** Names that an unknown operation must touch to matter here, once somebody asked. */
  relevant: ReadonlySet<string> | undefined;
}

/**
 * Wing and Gong's search with Lowe's memoisation ("Testing for linearizability", 2016), as an iteration:
 * take any operation whose call comes before the first return that is left, if the model allows its
 * answer; when there is none, take the last one back. A pair of (set of operations taken, state) that was
 * met before is not searched again.
 *
 * Operations without an answer have no return, so they stand in a list of their own and are tried after
 * the others: most are never needed. When every answered operation has its place, the rest never happened.
 */
export class Search<State, Input, Output> {
  readonly #model: Model<State, Input, Output>;
  readonly #unknown: readonly Entry<Input, Output>[];
  readonly #head: Entry<Input, Output>;
  readonly #taken: LinearizedSet;
  readonly #unknownTaken: LinearizedSet;
  readonly #met = new Set<string>();
  readonly #frames: Frame<State, Input, Output>[] = [];
  #knownLeft: number;
  #state: State;
  #best: readonly Operation<Input, Output>[] = [];
  #bestState: State;

  constructor(model: Model<State, Input, Output>, operations: readonly Operation<Input, Output>[]) {
    const known = operations.filter(({ returnedAt }) => returnedAt !== undefined);
    const unknown = operations
      .filter(({ returnedAt }) => returnedAt === undefined)
      .sort((a, b) => a.invokedAt - b.invokedAt);
    this.#model = model;
    const entryOf = (operation: Operation<Input, Output>, number: number): Entry<Input, Output> =>
      callEntry({ operation, number, touches: model.touches?.(operation.input) });
    this.#head = linkedList(known, entryOf);
    this.#unknown = unknown.map(entryOf);
    this.#taken = new LinearizedSet(known.length);
    this.#unknownTaken = new LinearizedSet(unknown.length);
    this.#knownLeft = known.length;
    this.#state = model.init();
    this.#bestState = this.#state;
  }

  /** Runs it to its end, or until it has made this many steps. */
  run(stepsMax: number): SearchResult<State, Input, Output> {
    const cursor: Cursor<Input, Output> = {
      ...{ known: this.#head.next, unknown: 0, outcome: 0, relevant: undefined },
    };
    let steps = 0;
    while (this.#knownLeft > 0) {
      steps += 1;
      if (steps > stepsMax) return this.#result("unknown", steps);
      if (this.#advance(cursor)) continue;
      if (!this.#takeBack(cursor)) return this.#result("illegal", steps);
    }
    this.#keepBest();
    return this.#result("linearizable", steps);
  }

  /** Tries the candidate under the cursor and moves on; false when there is no candidate left. */
  #advance(cursor: Cursor<Input, Output>): boolean {
    const { known } = cursor;
    if (known?.isCall === true) {
      cursor.known = known.next;
      const output = known.operation.output as Output;
      const state = this.#model.step(this.#state, known.operation.input, output);
      if (state !== undefined) this.#take(known, { cursor, state, nextOutcome: 0 });
      return true;
    }
    const unknown = this.#unknown[cursor.unknown];
    // `known` is the first return that is left: what was called after it cannot come next.
    if (unknown === undefined || (known !== undefined && unknown.at > known.at)) return false;
    cursor.relevant ??= this.#relevantNames();
    const outcomes = this.#matters(unknown, cursor.relevant)
      ? this.#model.stepUnknown(this.#state, unknown.operation.input)
      : [];
    const state = outcomes[cursor.outcome];
    if (state === undefined) {
      cursor.unknown += 1;
      cursor.outcome = 0;
      return true;
    }
    cursor.outcome += 1;
    this.#take(unknown, { cursor, state, nextOutcome: cursor.outcome });
    return true;
  }

  #take(
    entry: Entry<Input, Output>,
    way: { cursor: Cursor<Input, Output>; state: State; nextOutcome: number },
  ): void {
    if (this.#leavesHopeless(entry, way.state)) return;
    const isKnown = entry.match !== undefined;
    const set = isKnown ? this.#taken : this.#unknownTaken;
    set.add(entry.number);
    const key = `${this.#taken.key()}/${this.#unknownTaken.key()}/${this.#model.key(way.state)}`;
    if (this.#met.has(key)) {
      set.remove(entry.number);
      return;
    }
    this.#met.add(key);
    this.#frames.push({ entry, stateBefore: this.#state, nextOutcome: way.nextOutcome });
    this.#state = way.state;
    if (isKnown) {
      this.#knownLeft -= 1;
      lift(entry);
    }
    place(way.cursor, { known: this.#head.next });
  }

  /** Whether taking this one next leaves another behind that has no place any more. */
  #leavesHopeless(taken: Entry<Input, Output>, state: State): boolean {
    if (this.#model.hopeless === undefined) return false;
    for (let entry = this.#head.next; entry?.isCall === true; entry = entry.next) {
      const output = entry.operation.output as Output;
      if (entry !== taken && this.#model.hopeless(state, output)) return true;
    }
    return false;
  }

  #matters(unknown: Entry<Input, Output>, relevant: ReadonlySet<string>): boolean {
    if (this.#unknownTaken.has(unknown.number)) return false;
    return unknown.touches === undefined || unknown.touches.some((name) => relevant.has(name));
  }

  /**
   * What the operations that can come next touch, and the unknown ones that share a name with those, and so
   * on. An unknown operation apart from all of them commutes with whichever comes next: it can wait.
   */
  #relevantNames(): ReadonlySet<string> {
    const names = new Set<string>();
    for (let entry = this.#head.next; entry?.isCall === true; entry = entry.next) {
      for (const name of entry.touches ?? []) names.add(name);
    }
    for (let size = -1; size !== names.size; ) {
      size = names.size;
      for (const unknown of this.#unknown) {
        if (!this.#matters(unknown, names)) continue;
        for (const name of unknown.touches ?? []) names.add(name);
      }
    }
    return names;
  }

  /** Undoes the last operation taken and puts the cursor behind it; false when there is none. */
  #takeBack(cursor: Cursor<Input, Output>): boolean {
    this.#keepBest();
    const frame = this.#frames.pop();
    if (frame === undefined) return false;
    const { entry } = frame;
    this.#state = frame.stateBefore;
    if (entry.match !== undefined) {
      this.#taken.remove(entry.number);
      this.#knownLeft += 1;
      unlift(entry);
      place(cursor, { known: entry.next });
      return true;
    }
    this.#unknownTaken.remove(entry.number);
    const { nextOutcome: outcome } = frame;
    place(cursor, { known: this.#firstReturn(), unknown: entry.number, outcome });
    return true;
  }

  #firstReturn(): Entry<Input, Output> | undefined {
    let entry = this.#head.next;
    while (entry?.isCall === true) entry = entry.next;
    return entry;
  }

  #keepBest(): void {
    if (this.#frames.length <= this.#best.length) return;
    this.#best = this.#frames.map(({ entry }) => entry.operation);
    this.#bestState = this.#state;
  }

  #result(
    verdict: SearchResult<State, Input, Output>["verdict"],
    steps: number,
  ): SearchResult<State, Input, Output> {
    return { verdict, steps, order: this.#best, state: this.#bestState };
  }
}

function place<Input, Output>(
  cursor: Cursor<Input, Output>,
  at: { known: Entry<Input, Output> | undefined; unknown?: number; outcome?: number },
): void {
  cursor.known = at.known;
  cursor.unknown = at.unknown ?? 0;
  cursor.outcome = at.outcome ?? 0;
  cursor.relevant = undefined;
}

function callEntry<Input, Output>(
  call: Pick<Entry<Input, Output>, "operation" | "number" | "touches">,
): Entry<Input, Output> {
  return {
    ...{ ...call, isCall: true, at: call.operation.invokedAt },
    ...{ match: undefined, previous: undefined, next: undefined },
  };
}

/** Calls and returns in order of time, behind a head; at one time calls come first: they overlap. */
function linkedList<Input, Output>(
  operations: readonly Operation<Input, Output>[],
  entryOf: (operation: Operation<Input, Output>, number: number) => Entry<Input, Output>,
): Entry<Input, Output> {
  const sorted = operations.toSorted((a, b) => a.invokedAt - b.invokedAt);
  const entries = sorted.flatMap((operation, number) => {
    const call = entryOf(operation, number);
    call.match = { ...call, isCall: false, at: operation.returnedAt ?? 0 };
    return [call, call.match];
  });
  entries.sort((a, b) => a.at - b.at || Number(b.isCall) - Number(a.isCall));
  const nobody = { client: -1, invokedAt: 0, returnedAt: 0 } as Operation<Input, Output>;
  const head = callEntry({ operation: nobody, number: -1, touches: undefined });
  let last = head;
  for (const entry of entries) {
    last.next = entry;
    entry.previous = last;
    last = entry;
  }
  return head;
}

/** Takes a call and its return out of the list. */
function lift<Input, Output>(call: Entry<Input, Output>): void {
  unlink(call);
  if (call.match !== undefined) unlink(call.match);
}

/** Puts them back where they were: the reverse of `lift`. */
function unlift<Input, Output>(call: Entry<Input, Output>): void {
  if (call.match !== undefined) relink(call.match);
  relink(call);
}

function unlink<Input, Output>(entry: Entry<Input, Output>): void {
  if (entry.previous !== undefined) entry.previous.next = entry.next;
  if (entry.next !== undefined) entry.next.previous = entry.previous;
}

function relink<Input, Output>(entry: Entry<Input, Output>): void {
  if (entry.previous !== undefined) entry.previous.next = entry;
  if (entry.next !== undefined) entry.next.previous = entry;
}
