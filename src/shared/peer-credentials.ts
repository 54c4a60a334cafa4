import { isIP } from "node:net";
import { checkServerIdentity } from "node:tls";
import { type ChannelCredentials, type ChannelOptions, credentials } from "@grpc/grpc-js";
import type { PeerTlsOptions } from "./control/raft-control.js";

/** Server name for peers that are known by address only: TLS does not allow an address there (RFC 6066). */
const NAMELESS_PEER = "capstan-peer";

/** Where a peer listens, as far as its certificate goes. */
export interface PeerHost {
  /** A name or an address; the peer's certificate must be for it. */
  readonly host: string;
  /** Its URL says https. */
  readonly isSecure: boolean;
}

/** What a member shows a peer that it calls, and expects of it. */
export function peerCredentials(
  { host, isSecure }: PeerHost,
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

/** The channel options that go with them: connections are the caller's own, and never through a proxy. */
export function peerChannelOptions({ host, isSecure }: PeerHost): ChannelOptions {
  return {
    "grpc.use_local_subchannel_pool": 1,
    "grpc.enable_http_proxy": 0,
    ...(isSecure && isIP(host) !== 0 ? { "grpc.ssl_target_name_override": NAMELESS_PEER } : {}),
  };
}
