/** Lines that a failure shows. */
const SHOWN_LINES = 80;

/**
 * What happened, as a hash of everything: two runs of one seed give the same. With `keep` also in words.
 */
export class Trace {
  readonly #keep: boolean;
  readonly #lines: string[] = [];
  readonly #nowMs: () => number;
  readonly #print: ((line: string) => void) | undefined;
  #hash = 0x811c9dc5;
  #count = 0;

  constructor(options: {
    readonly nowMs: () => number;
    readonly keep: boolean;
    /** Gets each line as it comes. */
    readonly print?: ((line: string) => void) | undefined;
  }) {
    this.#nowMs = options.nowMs;
    this.#keep = options.keep;
    this.#print = options.print;
  }

  /** Notes taken. */
  get count(): number {
    return this.#count;
  }

  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  /** Notes an event: `what` with its numbers. `who` is 0 for the world. */
  note(who: number, what: string, a = 0, b = 0): void {
    this.#count += 1;
    this.#mix(Math.round(this.#nowMs() * 1000));
    this.#mix(who);
    for (let at = 0; at < what.length; at += 1) this.#mix(what.charCodeAt(at));
    this.#mix(a);
    this.#mix(b);
    if (this.#keep) this.#line(who, what, `${a} ${b}`);
  }

  /** Words for whoever reads the trace; not part of the hash. The words are made only when they are kept. */
  say(who: number, words: () => string): void {
    if (this.#keep) this.#line(who, "", words());
  }

  /** The newest lines. */
  tail(count = SHOWN_LINES): readonly string[] {
    return this.#lines.slice(-count);
  }

  #line(who: number, what: string, rest: string): void {
    const time = this.#nowMs().toFixed(3).padStart(10);
    const line = `${time} ${who === 0 ? "  " : `m${who}`} ${what} ${rest}`;
    this.#lines.push(line);
    if (this.#lines.length > 4 * SHOWN_LINES) this.#lines.splice(0, SHOWN_LINES);
    this.#print?.(line);
  }

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), 0x01000193);
    this.#hash = (this.#hash << 13) | (this.#hash >>> 19);
  }
}
