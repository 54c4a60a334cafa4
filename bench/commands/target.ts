import { readFileSync } from "node:fs";
import {
  AuthenticateRequest,
  AuthenticateResponse,
  StatusRequest,
  StatusResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import type { TlsOptions } from "../client/connect-socket.js";
import { type Connection, call, RPC } from "../client/connection.js";
import { type ClientKind, type ConnectOptions, openConnection } from "../client/open-connection.js";
import { type Flags, type FlagTable, UsageError } from "./flags.js";

/** Flags that say which server, and who asks. */
export const TARGET_FLAGS = {
  endpoints: {
    type: "string",
    default: "127.0.0.1:2379",
    help: "several with commas; connections go to them in turn",
  },
  "target-leader": { type: "boolean", help: "only the leader of the endpoints" },
  "dial-timeout": { type: "string", default: "10s", help: "how long connecting may take" },
  user: { type: "string", help: "name:password", isSecret: true },
  cacert: { type: "string", help: "file with the certificates to trust; makes connections TLS" },
  cert: { type: "string", help: "file with the client's certificate; needs --key" },
  key: { type: "string", help: "file with the client's key" },
  client: { type: "string", default: "frames", help: "frames (lean, own HTTP/2) or grpc-js" },
} as const satisfies FlagTable;

/** A server, or cluster, and how to reach it. */
export interface Target {
  /** host:port each. */
  readonly endpoints: readonly string[];
  readonly connect: ConnectOptions;
}

/** The server that flags and a list of endpoints say; asks it who leads and for a token where needed. */
export async function openTarget(list: string, flags: Flags): Promise<Target> {
  const urls = list.split(",").map((each) => each.trim());
  const endpoints = urls.map(hostAndPort);
  const connect: ConnectOptions = {
    client: flags.oneOf<ClientKind>("client", ["frames", "grpc-js"]),
    timeoutMs: flags.durationMs("dial-timeout") || DIAL_TIMEOUT_MS,
    tls: tlsOptions(urls, flags),
  };
  if (connect.tls !== undefined && connect.client === "grpc-js") {
    throw new UsageError("--client grpc-js speaks plain text only: use the frames client with TLS");
  }
  const token = await tokenFor(endpoints[0] ?? "", connect, flags.text("user"));
  const withToken = { ...connect, token };
  const chosen = flags.isSet("target-leader") ? [await leaderOf(endpoints, withToken)] : endpoints;
  return { endpoints: chosen, connect: withToken };
}

const DIAL_TIMEOUT_MS = 10_000;

function hostAndPort(url: string): string {
  const place = url.replace(/^https?:\/\//, "").replace(/\/$/, "");
  if (!/^(\[[0-9a-fA-F:.]+\]|[^:/]+):\d+$/.test(place)) {
    throw new UsageError(`no endpoint, which is host:port: ${JSON.stringify(url)}`);
  }
  return place;
}

function tlsOptions(urls: readonly string[], flags: Flags): TlsOptions | undefined {
  const secure = urls.filter((url) => url.startsWith("https://"));
  const files = ["cacert", "cert", "key"].some((name) => flags.has(name));
  if (secure.length === 0 && !files) return undefined;
  if (urls.some((url) => url.startsWith("http://"))) {
    throw new UsageError("endpoints must be all http or all https, and all https with TLS files");
  }
  if (flags.has("cert") !== flags.has("key"))
    throw new UsageError("--cert and --key need each other");
  const pem = (name: string): string | undefined => {
    const path = flags.text(name);
    return path === undefined ? undefined : readFileSync(path, "utf8");
  };
  return { ca: pem("cacert"), cert: pem("cert"), key: pem("key") };
}

async function tokenFor(
  endpoint: string,
  connect: ConnectOptions,
  user: string | undefined,
): Promise<string | undefined> {
  if (user === undefined) return undefined;
  const colon = user.indexOf(":");
  if (colon < 0) throw new UsageError("--user takes name:password; no password is asked for");
  const request = AuthenticateRequest.fromPartial({
    name: user.slice(0, colon),
    password: user.slice(colon + 1),
  });
  const message = Buffer.from(AuthenticateRequest.encode(request).finish());
  return withConnection(endpoint, connect, async (connection) => {
    const answer = await call(connection, RPC.authenticate, message).catch((cause: unknown) => {
      throw new Error(`${endpoint} does not let in ${user.slice(0, colon)}`, { cause });
    });
    return AuthenticateResponse.decode(answer).token;
  });
}

async function leaderOf(endpoints: readonly string[], connect: ConnectOptions): Promise<string> {
  const message = Buffer.from(StatusRequest.encode({}).finish());
  for (const endpoint of endpoints) {
    const status = await withConnection(endpoint, connect, async (connection) =>
      StatusResponse.decode(await call(connection, RPC.status, message)),
    );
    if (status.leader !== 0n && status.leader === status.header?.memberId) return endpoint;
  }
  throw new Error(`none of the endpoints is the leader: ${endpoints.join(", ")}`);
}

/** Does something on a connection of its own. */
export async function withConnection<T>(
  endpoint: string,
  connect: ConnectOptions,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = await openConnection(endpoint, connect);
  try {
    return await use(connection);
  } finally {
    connection.close();
  }
}
