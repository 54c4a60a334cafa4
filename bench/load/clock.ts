/** Microseconds of a clock that all threads of this process share and that never goes back. */
export function nowUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}
