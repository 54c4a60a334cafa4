/** One operation of a client: a call, and the answer if there was one. Times are of one clock, in any unit. */
export interface Operation<Input, Output> {
  readonly client: number;
  readonly invokedAt: number;
  /** Undefined: nobody knows whether it happened; it may have, at any time after the call, or never. */
  readonly returnedAt: number | undefined;
  readonly input: Input;
  /** What was answered; undefined exactly when `returnedAt` is. */
  readonly output: Output | undefined;
}

/** What a sequence of operations, one after the other, may answer. States are never changed in place. */
export interface Model<State, Input, Output> {
  init(): State;
  /** The state after the operation, when it may give this answer in this state; else undefined. */
  step(state: State, input: Input, output: Output): State | undefined;
  /**
   * The states that the operation may leave when nobody knows its answer, those that it changes. None for
   * a read: that it happened says nothing.
   */
  stepUnknown(state: State, input: Input): readonly State[];
  /** Equal exactly for equal states. */
  key(state: State): string;
  /**
   * Names of what an operation reads or writes. Operations that share no name must commute, those of unknown
   * outcome with all others: then one of them is tried only where it can matter. All matter by default.
   */
  touches?(input: Input): readonly string[];
  /**
   * Whether the operation can give this answer neither in this state nor in any that follows: then an order
   * that left it for later is given up at once. Never by default.
   */
  hopeless?(state: State, output: Output): boolean;
  /** Cuts a history into parts that say nothing about each other; the whole by default. */
  partition?(operations: readonly Operation<Input, Output>[]): Operation<Input, Output>[][];
  /** One line for a report. */
  describe?(input: Input, output: Output | undefined): string;
}
