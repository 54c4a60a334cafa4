import { createConnection } from "node:net";
import { type ChannelOptions, Client } from "@grpc/grpc-js";
import type { PeerTlsOptions } from "../../shared/control/raft-control.js";
import { hostPort } from "../../shared/host-port.js";
import { peerChannelOptions, peerCredentials } from "../../shared/peer-credentials.js";
import {
  CONNECT_TIMEOUT_MS,
  FLOW_CONTROL_WINDOW_BYTES,
  KEEPALIVE_TIME_MS,
  KEEPALIVE_TIMEOUT_MS,
} from "./bounds.js";
import type { PeerAddress } from "./peer-url.js";

/**
 * A client with a connection of its own to a peer. First the port is tried, with a bound on the time:
 * grpc-js would wait for minutes for a host that drops packets, and cannot be told to stop.
 */
export async function dial(address: PeerAddress, tls: PeerTlsOptions | undefined): Promise<Client> {
  await reach(address);
  return new Client(
    hostPort(address.host, address.port),
    peerCredentials(address, tls),
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

function channelOptions(address: PeerAddress): ChannelOptions {
  return {
    ...peerChannelOptions(address),
    // A call fails when its connection does; to try again is this side's business, with its own pauses.
    "grpc.enable_retries": 0,
    "grpc.service_config_disable_resolution": 1,
    "grpc.enable_channelz": 0,
    "grpc.client_idle_timeout_ms": 2_147_483_647,
    "grpc.keepalive_time_ms": KEEPALIVE_TIME_MS,
    "grpc.keepalive_timeout_ms": KEEPALIVE_TIMEOUT_MS,
    "grpc.max_send_message_length": -1,
    "grpc-node.flow_control_window": FLOW_CONTROL_WINDOW_BYTES,
  };
}
