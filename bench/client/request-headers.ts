/*
 * The request side of HPACK (RFC 7541), as far as a client needs it that sends the same five fields
 * always. The first request of a connection puts its fields into the server's table, later ones
 * name them by index, as the clients that are used in earnest do: a server is measured with the
 * headers that it meets in life.
 */

/** Static table (RFC 7541 appendix A): fields, and names by index. */
const METHOD_POST = 0x83;
const SCHEME_HTTP = 0x86;
const NAME_AUTHORITY = 1;
const NAME_PATH = 4;
const NAME_CONTENT_TYPE = 31;
const STATIC_ENTRIES = 61;

/** A name that has no place in the static table. */
const NEW_NAME = 0;
const LITERAL_WITH_INDEXING = 0x40;
const INDEXED = 0x80;
/** Longest string whose length fits the seven bits in front of it. */
const STRING_BYTES_MAX = 126;

interface Field {
  readonly nameIndex: number;
  readonly name: string;
  readonly value: string;
}

/**
 * Encodes the headers of gRPC requests on one connection, in the order in which they will be sent.
 */
export class RequestHeaders {
  readonly #common: readonly Field[];
  /** Fields that the server's dynamic table holds, oldest first. */
  readonly #table: Field[] = [];
  readonly #pathFields = new Map<string, Field>();
  /** Header blocks made of indexes only: valid until the table grows. */
  readonly #indexedBlocks = new Map<string, Buffer>();

  constructor(authority: string) {
    this.#common = [
      { nameIndex: NAME_AUTHORITY, name: ":authority", value: authority },
      { nameIndex: NAME_CONTENT_TYPE, name: "content-type", value: "application/grpc" },
      { nameIndex: NEW_NAME, name: "te", value: "trailers" },
    ];
  }

  /** The header block of a request for `path`. Blocks must be sent in the order of these calls. */
  block(path: string): Buffer {
    const known = this.#indexedBlocks.get(path);
    if (known !== undefined) return known;
    const entries = this.#table.length;
    const fields = [this.#pathField(path), ...this.#common];
    const block = Buffer.concat([
      Buffer.from([METHOD_POST, SCHEME_HTTP]),
      ...fields.map((field) => this.#encode(field)),
    ]);
    if (this.#table.length > entries) this.#indexedBlocks.clear();
    else this.#indexedBlocks.set(path, block);
    return block;
  }

  #pathField(path: string): Field {
    const field = this.#pathFields.get(path) ?? {
      ...{ nameIndex: NAME_PATH, name: ":path", value: path },
    };
    this.#pathFields.set(path, field);
    return field;
  }

  #encode(field: Field): Buffer {
    const position = this.#table.indexOf(field);
    if (position >= 0) {
      return Buffer.from([INDEXED | (STATIC_ENTRIES + this.#table.length - position)]);
    }
    this.#table.push(field);
    const name =
      field.nameIndex === NEW_NAME
        ? [Buffer.from([LITERAL_WITH_INDEXING]), plainString(field.name)]
        : [Buffer.from([LITERAL_WITH_INDEXING | field.nameIndex])];
    return Buffer.concat([...name, plainString(field.value)]);
  }
}

function plainString(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length > STRING_BYTES_MAX) throw new Error(`header value too long: ${text}`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
