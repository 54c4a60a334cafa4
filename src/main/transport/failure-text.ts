import { type ErrorFacts, GrpcStatus } from "../../shared/errors.js";

/**
 * The failures that the gRPC layer itself makes, with the texts that etcd's clients know
 * (docs/facts/errors.md section 5).
 */

/** The client's deadline has passed. */
export const DEADLINE_EXCEEDED: ErrorFacts = {
  status: GrpcStatus.DEADLINE_EXCEEDED,
  message: "context deadline exceeded",
};

/** A call that was ended before it had a request message. */
export const NO_REQUEST: ErrorFacts = { status: GrpcStatus.UNKNOWN, message: "EOF" };

/** The client ended its side in the middle of the message of a unary call. */
export const UNARY_CUT_SHORT: ErrorFacts = {
  status: GrpcStatus.UNKNOWN,
  message: "unexpected EOF",
};

/** The same on a stream: another code in grpc-go. */
export const STREAM_CUT_SHORT: ErrorFacts = {
  status: GrpcStatus.INTERNAL,
  message: "unexpected EOF",
};

/** Unfinished and unread request messages of one connection are more than the server keeps. */
export const TOO_MUCH_HELD: ErrorFacts = {
  status: GrpcStatus.RESOURCE_EXHAUSTED,
  message: "too many unfinished request bytes on the connection",
};

/** The request headers are more than the server takes. */
export const HEADERS_TOO_LARGE: ErrorFacts = {
  status: GrpcStatus.RESOURCE_EXHAUSTED,
  message: "request header list is too large",
};

/** A bug of ours while handling a call. */
export const INTERNAL_ERROR: ErrorFacts = {
  status: GrpcStatus.INTERNAL,
  message: "internal error",
};

/** The request message is larger than the limit. Sizes in bytes. */
export function requestTooBig(size: number, limit: number): ErrorFacts {
  return {
    status: GrpcStatus.RESOURCE_EXHAUSTED,
    message: `grpc: received message larger than max (${size} vs. ${limit})`,
  };
}

/** A compressed request message is larger than the limit once it is decompressed. Bytes. */
export function inflatedTooBig(limit: number): ErrorFacts {
  const message = `grpc: received message after decompression larger than max ${limit}`;
  return { status: GrpcStatus.RESOURCE_EXHAUSTED, message };
}

/** The client compresses in a way that the server does not know. */
export function noDecompressor(encoding: string): ErrorFacts {
  const message = `grpc: Decompressor is not installed for grpc-encoding "${encoding}"`;
  return { status: GrpcStatus.UNIMPLEMENTED, message };
}

/** The answer is larger than the limit. Sizes in bytes. */
export function replyTooBig(size: number, limit: number): ErrorFacts {
  return {
    status: GrpcStatus.RESOURCE_EXHAUSTED,
    message: `trying to send message larger than max (${size} vs. ${limit})`,
  };
}

/** Nothing serves this path. `services` are the known `package.Service` names. */
export function unimplemented(path: string, services: ReadonlySet<string>): ErrorFacts {
  const slash = path.lastIndexOf("/");
  if (!path.startsWith("/") || slash === 0) {
    return {
      status: GrpcStatus.UNIMPLEMENTED,
      message: `malformed method name: ${JSON.stringify(path)}`,
    };
  }
  const service = path.slice(1, slash);
  const message = services.has(service)
    ? `unknown method ${path.slice(slash + 1)} for service ${service}`
    : `unknown service ${service}`;
  return { status: GrpcStatus.UNIMPLEMENTED, message };
}

const RECEIVED_TOO_BIG = /^Received message larger than max \((\d+) vs \d+\)$/;
const DECOMPRESSED_TOO_BIG = /^Received message that decompresses to a size larger than (\d+)$/;
const UNKNOWN_ENCODING = /^Received message compressed with unsupported encoding "(.*)"$/;

/**
 * The failure to send instead of one that grpc-js made by itself. Its texts are its own, and not promised:
 * one that is not recognised goes out as it is.
 */
export function rewordGrpcJs(status: GrpcStatus, details: string, limit: number): ErrorFacts {
  switch (status) {
    case GrpcStatus.DEADLINE_EXCEEDED:
      return DEADLINE_EXCEEDED;
    case GrpcStatus.RESOURCE_EXHAUSTED: {
      const size = RECEIVED_TOO_BIG.exec(details)?.[1];
      if (size !== undefined) return requestTooBig(Number(size), limit);
      if (DECOMPRESSED_TOO_BIG.test(details)) return inflatedTooBig(limit);
      return { status, message: details };
    }
    case GrpcStatus.UNIMPLEMENTED: {
      const encoding = UNKNOWN_ENCODING.exec(details)?.[1];
      return encoding === undefined ? { status, message: details } : noDecompressor(encoding);
    }
    default:
      return { status, message: details };
  }
}
