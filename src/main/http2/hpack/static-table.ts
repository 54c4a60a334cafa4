import type { HeaderField } from "./header-field.js";

/** RFC 7541 appendix A, from index 1 on; `name` or `name: value`. */
const LINES = `\
:authority
:method: GET
:method: POST
:path: /
:path: /index.html
:scheme: http
:scheme: https
:status: 200
:status: 204
:status: 206
:status: 304
:status: 400
:status: 404
:status: 500
accept-charset
accept-encoding: gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`.split("\n");

function fieldOf(line: string): HeaderField {
  // The first character may be the colon of a pseudo-header.
  const end = line.indexOf(": ", 1);
  return Object.freeze(
    end < 0 ? { name: line, value: "" } : { name: line.slice(0, end), value: line.slice(end + 2) },
  );
}

/** The static table; the entry of index i is at i - 1. */
export const STATIC_FIELDS: readonly HeaderField[] = LINES.map(fieldOf);

/** Entries of the static table; the dynamic table's indexes follow (RFC 7541 section 2.3.3). */
export const STATIC_COUNT = STATIC_FIELDS.length;

/** Where a name stands in the static table. */
export interface StaticName {
  /** The first index with this name. */
  readonly index: number;
  /** Index by value. */
  readonly values: ReadonlyMap<string, number>;
}

function indexNames(): Map<string, StaticName> {
  const names = new Map<string, { index: number; values: Map<string, number> }>();
  for (const [at, { name, value }] of STATIC_FIELDS.entries()) {
    const index = at + 1;
    const known = names.get(name) ?? { index, values: new Map<string, number>() };
    known.values.set(value, index);
    names.set(name, known);
  }
  return names;
}

/** The static table by name. */
export const STATIC_NAMES: ReadonlyMap<string, StaticName> = indexNames();
