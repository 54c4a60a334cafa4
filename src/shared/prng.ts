/** A source of numbers that look random. Cores get one passed in, so that a seed replays a run. */
export interface Random {
  /** A whole number in [0, limit). `limit` is at least 1. */
  below(limit: number): number;
}

/**
 * A seeded generator (Marsaglia's xorshift with 32 bits of state, seeds mixed by a multiplicative
 * hash). Good enough to spread timeouts and to schedule simulations; never for secrets.
 */
export function seededRandom(seed: number): Random {
  // Zero is the one state that xorshift never leaves.
  let state = (Math.imul(seed >>> 0, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1;
  const next = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  // Neighbouring seeds differ in few bits at first.
  for (let round = 0; round < 8; round += 1) next();
  return { below: (limit) => Math.floor((next() / 0x1_0000_0000) * limit) };
}
