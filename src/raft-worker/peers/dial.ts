import { createConnection, isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { type ChannelCredentials, type ChannelOptions, Client, credentials } from "@grpc/grpc-js";
import type { PeerTlsOptions } from "../../shared/control/raft-control.js";
import {
  CONNECT_TIMEOUT_MS,
  FLOW_CONTROL_WINDOW_BYTES,
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
} from "./bounds.js";
import { hostPort, type PeerAddress } from "./peer-url.js";

/** Server name for peers that are known by address only: TLS does not allow an address there (RFC 6066). */
const NAMELESS_PEER = "capstan-peer";

/**
 * A client with a connection of its own to a peer. First the port is tried, with a bound on the time:
 * grpc-js would wait for minutes for a host that drops packets, and cannot be told to stop.
 */
export async function dial(address: PeerAddress, tls: PeerTlsOptions | undefined): Promise<Client> {
  await reach(address);
  return new Client(
    hostPort(address.host, address.port),
    credentialsFor(address, tls),
    channelOptions(address),
  );
}

function reach({ host, port, url }: PeerAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host, port });
    const timer = setTimeout(
      () => finish(new Error(`dial ${url}: no answer within ${CONNECT_TIMEOUT_MS} ms`)),
      CONNECT_TIMEOUT_MS,
    );
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      socket.destroy();
      if (error === undefined) resolve();
      else reject(error);
    };
    socket.once("connect", () => finish());
    socket.on("error", finish);
  });
}

function credentialsFor(
  { host, isSecure }: PeerAddress,
  tls: PeerTlsOptions | undefined,
): ChannelCredentials {
  if (!isSecure) return credentials.createInsecure();
  const pem = (text: string | undefined): Buffer | null =>
    text === undefined ? null : Buffer.from(text);
  // For a name, that is what Node checks anyway; for an address it has to be told.
  return credentials.createSsl(pem(tls?.ca), pem(tls?.key), pem(tls?.cert), {
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
  });
}

function channelOptions({ host, isSecure }: PeerAddress): ChannelOptions {
  return {
    // A call fails when its connection does; to try again is this side's business, with its own pauses.
    "grpc.enable_retries": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_http_proxy": 0,
    "grpc.enable_channelz": 0,
    "grpc.client_idle_timeout_ms": 2_147_483_647,
    "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.max_send_message_length": -1,
    "grpc-node.flow_control_window": FLOW_CONTROL_WINDOW_BYTES,
    ...(isSecure && isIP(host) !== 0 ? { "grpc.ssl_target_name_override": NAMELESS_PEER } : {}),
  };
}
