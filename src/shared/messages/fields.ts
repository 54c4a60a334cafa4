/** Safe-integer fields in fixed binary layouts: 8 bytes, little endian, no bigint on the way. */

/** Writes a non-negative safe integer as u64 little endian. */
export function putUint53(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, Math.floor(value / 0x1_0000_0000), true);
}

/** Reads a u64 little endian that a `putUint53` wrote. */
export function getUint53(view: DataView, offset: number): number {
  return view.getUint32(offset, true) + view.getUint32(offset + 4, true) * 0x1_0000_0000;
}
