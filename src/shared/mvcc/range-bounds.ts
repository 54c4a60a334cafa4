/** The keys that a request means: start <= key < end. */
export interface KeyBounds {
  readonly start: Uint8Array;
  /** Undefined: no upper bound. Unused when `single`. */
  readonly end: Uint8Array | undefined;
  /** Exactly the key `start`. */
  readonly single: boolean;
}

const LOWEST_KEY = Uint8Array.of(0);

/**
 * Reads `key` and `range_end` of a request (M-20 to M-25). Views of the given arrays. An empty key with a
 * range_end means the lowest key (W-07); alone it is no key at all.
 */
export function keyBounds(key: Uint8Array, rangeEnd: Uint8Array): KeyBounds {
  if (rangeEnd.length === 0) return { start: key, end: undefined, single: true };
  const open = rangeEnd.length === 1 && rangeEnd[0] === 0;
  return {
    start: key.length === 0 ? LOWEST_KEY : key,
    end: open ? undefined : rangeEnd,
    single: false,
  };
}

/** Whether a key lies in the bounds. */
export function boundsContain(bounds: KeyBounds, key: Uint8Array): boolean {
  const order = Buffer.compare(key, bounds.start);
  if (bounds.single) return order === 0;
  return order >= 0 && (bounds.end === undefined || Buffer.compare(key, bounds.end) < 0);
}
