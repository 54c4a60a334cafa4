import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  type IncomingHttpHeaders,
} from "node:http2";

/** What a call came to, as the wire shows it. */
export interface RawResult {
  readonly httpStatus: number;
  /** grpc-status from the trailers, or from the headers of a reply without a body. */
  readonly status: number | undefined;
  readonly message: string;
  readonly replies: readonly Buffer[];
  readonly resetCode: number;
}

/** A gRPC client on nothing but node:http2, for what grpc-js's own client would hide. */
export class RawClient {
  readonly session: ClientHttp2Session;

  /** Connects to a port of the loopback, or speaks on a session that is there. */
  constructor(port: number, session?: ClientHttp2Session) {
    this.session = session ?? connect(`http://127.0.0.1:${port}`);
    this.session.on("error", () => {});
    // So that a stream which a test does not read holds up no other one.
    this.session.once("connect", () => this.session.setLocalWindowSize(16 * 1024 * 1024));
  }

  /** Opens a stream for a path. */
  open(path: string, headers: Record<string, string> = {}): ClientHttp2Stream {
    const stream = this.session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    stream.on("error", () => {});
    return stream;
  }

  /** One call from its first to its last byte; `body` is sent as it is. */
  call(path: string, body: Buffer, headers: Record<string, string> = {}): Promise<RawResult> {
    const stream = this.open(path, headers);
    stream.end(body);
    return resultOf(stream);
  }

  /** Ends the connection at once. */
  close(): void {
    this.session.destroy();
  }
}

/** A length-prefixed message; flag 1 says compressed. */
export function frame(message: Uint8Array, flag = 0): Buffer {
  const prefix = Buffer.alloc(5);
  prefix[0] = flag;
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Takes whole messages off a body. */
export function unframe(body: Buffer): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0; at + 5 <= body.length; ) {
    const end = at + 5 + body.readUInt32BE(at + 1);
    messages.push(body.subarray(at + 5, end));
    at = end;
  }
  return messages;
}

/** Waits for the end of a stream. */
export function resultOf(stream: ClientHttp2Stream): Promise<RawResult> {
  const chunks: Buffer[] = [];
  let headers: IncomingHttpHeaders = {};
  let trailers: IncomingHttpHeaders = {};
  stream.on("response", (received) => {
    headers = received;
  });
  stream.on("trailers", (received) => {
    trailers = received;
  });
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  // As gRPC clients do: a status ends the call for both sides.
  stream.once("end", () => stream.end());
  return new Promise((resolve) => {
    stream.once("close", () => {
      const status = trailers["grpc-status"] ?? headers["grpc-status"];
      const message = trailers["grpc-message"] ?? headers["grpc-message"] ?? "";
      resolve({
        httpStatus: Number(headers[":status"]),
        status: status === undefined ? undefined : Number(status),
        message: decodeURIComponent(String(message)),
        replies: unframe(Buffer.concat(chunks)),
        resetCode: stream.rstCode ?? -1,
      });
    });
  });
}
