import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";

/** Whom to trust and who to be, as PEM texts. */
export interface TlsOptions {
  /** Undefined: the certificates that Node trusts. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** Begins to connect to `host:port`; with TLS, HTTP/2 is asked for (ALPN "h2", RFC 9113 section 3.2). */
export function connectSocket(target: string, tls: TlsOptions | undefined): Socket {
  const colon = target.lastIndexOf(":");
  const host = target.slice(0, colon).replace(/^\[|\]$/g, "");
  const port = Number(target.slice(colon + 1));
  if (tls === undefined) return connect({ host, port, noDelay: true });
  const { ca, cert, key } = tls;
  const socket = connectTls({
    ...{ host, port, ALPNProtocols: ["h2"] },
    // An address is no server name, RFC 6066 section 3.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
  });
  socket.setNoDelay(true);
  return socket;
}
