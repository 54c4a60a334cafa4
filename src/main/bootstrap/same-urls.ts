import { isIP } from "node:net";
import type { ServerUrl } from "../config/server-config.js";
import { withHost } from "../config/server-url.js";

/** What comparing addresses needs of the world. */
export interface Resolver {
  /** Address of a host name; rejects when there is none. */
  lookup(host: string): Promise<string>;
  /** Waits between two tries. */
  pause(ms: number): Promise<void>;
  /** Hears of a name that does not resolve yet. */
  unresolved(url: ServerUrl, error: unknown): void;
}

/** A name may take its time to appear, as that of a pod does. */
const LOOKUP_TRIES = 30;
const LOOKUP_PAUSE_MS = 1000;

/**
 * Why two lists of URLs do not name the same places, in etcd's words; undefined when they do. Names are
 * resolved only when the texts differ, and localhost never. docs/facts/operations.md section 2.
 */
export async function urlDifference(
  a: readonly ServerUrl[],
  b: readonly ServerUrl[],
  resolver: Resolver,
): Promise<string | undefined> {
  if (a.length !== b.length) return `len(${shown(a)}) != len(${shown(b)})`;
  if (firstDifference(a, b) === undefined) return undefined;
  const resolved = [await resolveAll(a, resolver), await resolveAll(b, resolver)] as const;
  const pair = firstDifference(...resolved);
  if (pair === undefined) return undefined;
  return `resolved urls: ${JSON.stringify(pair[0].text)} != ${JSON.stringify(pair[1].text)}`;
}

function firstDifference(
  a: readonly ServerUrl[],
  b: readonly ServerUrl[],
): readonly [ServerUrl, ServerUrl] | undefined {
  for (const [i, url] of a.entries()) {
    const other = b[i];
    if (other !== undefined && other.text !== url.text) return [url, other];
  }
  return undefined;
}

async function resolveAll(urls: readonly ServerUrl[], resolver: Resolver): Promise<ServerUrl[]> {
  const resolved: ServerUrl[] = [];
  for (const url of urls) resolved.push(await resolveUrl(url, resolver));
  return resolved.sort((x, y) => (x.text < y.text ? -1 : Number(x.text > y.text)));
}

async function resolveUrl(url: ServerUrl, resolver: Resolver): Promise<ServerUrl> {
  if (url.socketPath !== "" || url.host === "localhost" || isIP(url.host) !== 0) return url;
  for (let tries = 0; tries < LOOKUP_TRIES; tries += 1) {
    try {
      return withHost(url, await resolver.lookup(url.host), url.port);
    } catch (error) {
      resolver.unresolved(url, error);
      await resolver.pause(LOOKUP_PAUSE_MS);
    }
  }
  return url;
}

function shown(urls: readonly ServerUrl[]): string {
  return `[${urls.map((url) => JSON.stringify(url.text)).join(" ")}]`;
}
