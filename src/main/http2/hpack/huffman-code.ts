/**
 * Code lengths in bits of the symbols 0 to 256 (RFC 7541 appendix B; 256 is EOS), one base-32 digit each, 32 to
 * a line. No more is needed: codes of equal length are consecutive, in the order of their symbols, and the first
 * of each length follows the last of the one before.
 */
const LENGTHS = [
  "dnsssssssoussussssssssusssssssss",
  "6aacd68baa8b8666555666666678f6ca",
  "d67777777777777777777777878djde6",
  "f56565666577666567655677777fbeds",
  "kmkkmmmnmnnnnnonoomnonnnnlmnmnno",
  "mlkmmnnlnmmolmnnllmlnmnnkmmmnmmn",
  "qqkjmnmpqqqrrqopjlqrrqrollqqsrrr",
  "koklmllnmmppooqnqrqqrrrrrsrrrrrq",
  "u",
].join("");

/** The symbol that no string may contain. */
export const EOS = 256;

/** Bits of each symbol's code, by symbol, EOS included. */
export const CODE_BITS: Uint8Array = Uint8Array.from(LENGTHS, (digit) =>
  Number.parseInt(digit, 32),
);

function canonicalCodes(): Uint32Array {
  const codes = new Uint32Array(CODE_BITS.length);
  let next = 0;
  for (let bits = 1; bits <= CODE_BITS[EOS]!; bits += 1) {
    next *= 2;
    for (let symbol = 0; symbol < codes.length; symbol += 1) {
      if (CODE_BITS[symbol] === bits) codes[symbol] = next++;
    }
  }
  return codes;
}

/** Each symbol's code, by symbol; the code's last bit is bit 0. */
export const CODES: Uint32Array = canonicalCodes();
