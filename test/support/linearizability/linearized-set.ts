const WORD_BITS = 32;

/**
 * A set of operation numbers that fills up from the front: everything below `#first` is in it, so its key
 * is as long as the window of operations that overlap, not as the history.
 */
export class LinearizedSet {
  readonly #words: Uint32Array;
  /** The lowest number that is not in the set. */
  #first = 0;
  /** One above the highest number that ever was in the set. */
  #end = 0;

  constructor(count: number) {
    this.#words = new Uint32Array(Math.ceil((count + 1) / WORD_BITS));
  }

  has(number: number): boolean {
    return ((this.#words[number >>> 5] ?? 0) & (1 << (number & 31))) !== 0;
  }

  add(number: number): void {
    this.#words[number >>> 5]! |= 1 << (number & 31);
    this.#end = Math.max(this.#end, number + 1);
    while (this.has(this.#first)) this.#first += 1;
  }

  remove(number: number): void {
    this.#words[number >>> 5]! &= ~(1 << (number & 31));
    this.#first = Math.min(this.#first, number);
    while (this.#end > 0 && !this.has(this.#end - 1)) this.#end -= 1;
  }

  /** Equal exactly for equal sets. */
  key(): string {
    let text = this.#first.toString(36);
    const firstWord = this.#first >>> 5;
    const endWord = (this.#end + WORD_BITS - 1) >>> 5;
    for (let word = firstWord; word < endWord; word += 1) {
      text += `.${(this.#words[word] ?? 0).toString(36)}`;
    }
    return text;
  }
}
