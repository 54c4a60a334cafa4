import { hostPort } from "../../shared/host-port.js";

/** How a call names its client: `host:port`, or `@` for a unix socket. */
export function clientAddress(socket: {
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}): string {
  const { remoteAddress, remotePort } = socket;
  return remoteAddress === undefined ? "@" : hostPort(remoteAddress, remotePort ?? 0);
}
