import { type ErrorFacts, GrpcStatus } from "../../../shared/errors.js";
import type { HeaderField } from "../hpack/header-field.js";
import { parseTimeout } from "./timeout.js";

/** Why a request is not served. */
export type RequestProblem =
  /** It is no HTTP message: the stream ends with PROTOCOL_ERROR (RFC 9113 section 8.1.1). */
  | { readonly kind: "malformed" }
  /** It is no gRPC call: answered with an HTTP status and, as grpc-go does, a gRPC one. */
  | { readonly kind: "refused"; readonly httpStatus: number; readonly failure: ErrorFacts };

const MALFORMED: RequestProblem = { kind: "malformed" };

/** What the headers of a call say (RFC 9113 section 8.3.1; gRPC over HTTP/2, Requests). Latin1 strings. */
export class RequestHead {
  readonly #fields: readonly HeaderField[];
  method = "";
  path = "";
  contentType = "";
  /** Compression of the messages; "" is none. */
  encoding = "";
  /** Time that the client gives the call, or undefined for ever. Milliseconds. */
  timeoutMs: number | undefined;
  /** content-length, or -1. */
  bodyBytes = -1;
  problem: RequestProblem | undefined;

  constructor(fields: readonly HeaderField[]) {
    this.#fields = fields;
  }

  /** The first value of a header; that of a binary one (`-bin`) decoded, each byte a character. */
  metadata(key: string): string | undefined {
    for (const { name, value } of this.#fields) {
      if (name === key) return key.endsWith("-bin") ? decodeBinary(value) : value;
    }
    return undefined;
  }

  /** What these fields say, if they differ from this head's in the value of grpc-timeout and in nothing else. */
  withDeadlineOf(fields: readonly HeaderField[]): RequestHead | undefined {
    if (fields.length !== this.#fields.length) return undefined;
    let { timeoutMs } = this;
    for (let at = 0; at < fields.length; at += 1) {
      const own = this.#fields[at]!;
      const other = fields[at]!;
      if (other === own) continue;
      if (other.name !== own.name) return undefined;
      if (other.name === "grpc-timeout") {
        const parsed = parseTimeout(other.value);
        // Malformed: it is to be said why.
        if (typeof parsed !== "number") return undefined;
        timeoutMs = parsed;
      } else if (other.value !== own.value) return undefined;
    }
    const head = new RequestHead(fields);
    head.method = this.method;
    head.path = this.path;
    head.contentType = this.contentType;
    head.encoding = this.encoding;
    head.timeoutMs = timeoutMs;
    head.bodyBytes = this.bodyBytes;
    return head;
  }
}

/** Parses the headers of a request. What is wrong with it is in `problem`. */
export function parseRequestHead(fields: readonly HeaderField[]): RequestHead {
  const head = new RequestHead(fields);
  const seen = { pseudo: 0, regular: false };
  for (const field of fields) {
    const isWrong = field.name.startsWith(":")
      ? !takePseudo(head, field, seen)
      : !takeRegular(head, field);
    if (isWrong) {
      head.problem = MALFORMED;
      return head;
    }
    seen.regular ||= !field.name.startsWith(":");
  }
  const required = PSEUDO[":method"]! | PSEUDO[":scheme"]! | PSEUDO[":path"]!;
  if ((seen.pseudo & required) !== required || head.path === "") head.problem = MALFORMED;
  else head.problem ??= refusal(head);
  return head;
}

const PSEUDO: { readonly [name: string]: number } = {
  ":method": 1,
  ":scheme": 2,
  ":path": 4,
  ":authority": 8,
};

function takePseudo(
  head: RequestHead,
  { name, value }: HeaderField,
  seen: { pseudo: number; readonly regular: boolean },
): boolean {
  const bit = PSEUDO[name];
  if (bit === undefined || (seen.pseudo & bit) !== 0 || seen.regular || BAD_VALUE.test(value)) {
    return false;
  }
  seen.pseudo |= bit;
  if (name === ":method") head.method = value;
  else if (name === ":path") head.path = value;
  return true;
}

/** NUL, CR and LF are never part of a value, and it neither begins nor ends with white space (8.2.1). */
const BAD_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/;
/** Characters of names: tokens without upper case (section 8.2.1, RFC 9110 section 5.6.2). */
const GOOD_NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const DIGITS = /^\d{1,15}$/;

function takeRegular(head: RequestHead, { name, value }: HeaderField): boolean {
  if (BAD_VALUE.test(value)) return false;
  switch (name) {
    case "content-type":
      head.contentType = value;
      return true;
    case "te":
      return value === "trailers";
    case "user-agent":
      return true;
    case "grpc-encoding":
      head.encoding = value === "identity" ? "" : value;
      return true;
    case "grpc-timeout":
      takeTimeout(head, value);
      return true;
    case "content-length":
      head.bodyBytes = Number(value);
      return DIGITS.test(value);
    case "connection":
    case "keep-alive":
    case "proxy-connection":
    case "transfer-encoding":
    case "upgrade":
      // They belong to HTTP/1.1 (section 8.2.2).
      return false;
    default:
      if (name.endsWith("-bin") && decodeBinary(value) === undefined) {
        head.problem ??= badBinary(name, value);
      }
      return GOOD_NAME.test(name);
  }
}

/** The first of the values that a binary header may list; undefined when it is not base64. */
function decodeBinary(value: string): string | undefined {
  const comma = value.indexOf(",");
  try {
    return atob(comma < 0 ? value : value.slice(0, comma));
  } catch {
    return undefined;
  }
}

function refusal({ method, contentType }: RequestHead): RequestProblem | undefined {
  if (!isGrpc(contentType)) {
    const message = `invalid gRPC request content-type ${JSON.stringify(contentType)}`;
    const failure = { status: GrpcStatus.INVALID_ARGUMENT, message };
    return { kind: "refused", httpStatus: 415, failure };
  }
  if (method === "POST") return undefined;
  const message = `Received a HEADERS frame with :method ${JSON.stringify(method)} which should be POST`;
  const failure = { status: GrpcStatus.INTERNAL, message };
  return { kind: "refused", httpStatus: 405, failure };
}

function isGrpc(contentType: string): boolean {
  const type = contentType.toLowerCase();
  return (
    type === "application/grpc" ||
    type.startsWith("application/grpc+") ||
    type.startsWith("application/grpc;")
  );
}

function takeTimeout(head: RequestHead, value: string): void {
  const timeout = parseTimeout(value);
  if (typeof timeout === "number") head.timeoutMs = timeout;
  else head.problem ??= badHeader(`malformed grpc-timeout: ${timeout}`);
}

function badBinary(name: string, value: string): RequestProblem {
  const end = value.search(/[^A-Za-z0-9+/]/);
  const at = end < 0 ? value.length : end;
  const where = `${JSON.stringify(value)} in header ${JSON.stringify(name)}`;
  return badHeader(`malformed binary metadata ${where}: illegal base64 data at input byte ${at}`);
}

function badHeader(message: string): RequestProblem {
  return { kind: "refused", httpStatus: 400, failure: { status: GrpcStatus.INTERNAL, message } };
}
