/** Where a peer listens. */
export interface PeerAddress {
  /** As configured, without what follows the port. */
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
}

const DEFAULT_PORTS: { readonly [protocol: string]: number } = { "http:": 80, "https:": 443 };

/** Reads a peer URL; undefined for one that a member cannot be reached at over TCP. */
export function parsePeerUrl(text: string): PeerAddress | undefined {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const defaultPort = DEFAULT_PORTS[url.protocol];
  if (defaultPort === undefined || url.hostname === "") return undefined;
  return {
    url: `${url.protocol}//${url.host}`,
    host: url.hostname.replace(/^\[(.*)\]$/, "$1"),
    port: url.port === "" ? defaultPort : Number(url.port),
    isSecure: url.protocol === "https:",
  };
}

/** Splits `host:port`. */
export function splitHostPort(text: string): { readonly host: string; readonly port: number } {
  const colon = text.lastIndexOf(":");
  const host = text.slice(0, colon).replace(/^\[(.*)\]$/, "$1");
  return { host, port: Number(text.slice(colon + 1)) };
}
