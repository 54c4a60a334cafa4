/** One header field; each character of both strings is one byte (latin1). Shared: nobody changes it. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** What the decoder makes of one header block. May come again for an equal block, so nobody changes it. */
export interface DecodedHeaders {
  /** In the order of the block. */
  readonly fields: readonly HeaderField[];
  /** The list was larger than allowed (RFC 9113 section 6.5.2): fields from there on are not in `fields`. */
  readonly tooLarge: boolean;
  /** For the connection to hang its own parsed form on, so that a block that comes again is parsed once. */
  parsed: unknown;
}

/** What every entry costs besides its bytes, in both tables and in the size of a list (RFC 7541 section 4.1). */
export const FIELD_OVERHEAD_BYTES = 32;

/** Size of a table before any SETTINGS_HEADER_TABLE_SIZE (RFC 9113 section 6.5.2). */
export const TABLE_BYTES_DEFAULT = 4096;

/** Size of a field as RFC 7541 section 4.1 counts it, in bytes. */
export function fieldBytes(name: string, value: string): number {
  return name.length + value.length + FIELD_OVERHEAD_BYTES;
}
