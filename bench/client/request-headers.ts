/*
 * The request side of HPACK (RFC 7541), as far as a client needs it that sends the same fields
 * always. The first request of a connection puts its fields into the server's table, later ones
 * name them by index, as the clients that are used in earnest do: a server is measured with the
 * headers that it meets in life.
 */

/** Static table (RFC 7541 appendix A): fields, and names by index. */
const METHOD_POST = 0x83;
const SCHEME_HTTP = 0x86;
const SCHEME_HTTPS = 0x87;
const NAME_AUTHORITY = 1;
const NAME_PATH = 4;
const NAME_CONTENT_TYPE = 31;
const STATIC_ENTRIES = 61;

/** A name that has no place in the static table. */
const NEW_NAME = 0;
const LITERAL_WITH_INDEXING = 0x40;
const INDEXED = 0x80;
/** Seven bits of ones: the length of a string goes on in the bytes behind. */
const LENGTH_PREFIX_MAX = 127;

interface Field {
  readonly nameIndex: number;
  readonly name: string;
  readonly value: string;
}

/** What all requests of a connection say. */
export interface RequestIdentity {
  /** host:port. */
  readonly authority: string;
  readonly isTls: boolean;
  /** Sent as metadata of that name, as etcd's client does. */
  readonly token?: string | undefined;
}

/**
 * Encodes the headers of gRPC requests on one connection, in the order in which they will be sent.
 */
export class RequestHeaders {
  readonly #scheme: number;
  readonly #common: readonly Field[];
  /** Fields that the server's dynamic table holds, oldest first. */
  readonly #table: Field[] = [];
  readonly #pathFields = new Map<string, Field>();
  /** Header blocks made of indexes only: valid until the table grows. */
  readonly #indexedBlocks = new Map<string, Buffer>();

  constructor({ authority, isTls, token }: RequestIdentity) {
    this.#scheme = isTls ? SCHEME_HTTPS : SCHEME_HTTP;
    this.#common = [
      { nameIndex: NAME_AUTHORITY, name: ":authority", value: authority },
      { nameIndex: NAME_CONTENT_TYPE, name: "content-type", value: "application/grpc" },
      { nameIndex: NEW_NAME, name: "te", value: "trailers" },
      ...(token === undefined ? [] : [{ nameIndex: NEW_NAME, name: "token", value: token }]),
    ];
  }

  /** The header block of a request for `path`. Blocks must be sent in the order of these calls. */
  block(path: string): Buffer {
    const known = this.#indexedBlocks.get(path);
    if (known !== undefined) return known;
    const entries = this.#table.length;
    const fields = [this.#pathField(path), ...this.#common];
    const block = Buffer.concat([
      Buffer.from([METHOD_POST, this.#scheme]),
      ...fields.map((field) => this.#encode(field)),
    ]);
    if (this.#table.length > entries) this.#indexedBlocks.clear();
    else this.#indexedBlocks.set(path, block);
    return block;
  }

  #pathField(path: string): Field {
    const known = this.#pathFields.get(path);
    const field = known ?? { nameIndex: NAME_PATH, name: ":path", value: path };
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

/** A string literal without Huffman code, its length as an integer with a 7-bit prefix (RFC 7541 5.1). */
function plainString(text: string): Buffer {
  const bytes = Buffer.from(text, "latin1");
  if (bytes.length < LENGTH_PREFIX_MAX) return Buffer.concat([Buffer.from([bytes.length]), bytes]);
  const length = [LENGTH_PREFIX_MAX];
  let rest = bytes.length - LENGTH_PREFIX_MAX;
  for (; rest >= 128; rest = Math.floor(rest / 128)) length.push((rest % 128) + 128);
  length.push(rest);
  return Buffer.concat([Buffer.from(length), bytes]);
}
