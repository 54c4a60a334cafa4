import { isIP } from "node:net";
import { hostPort } from "../../shared/host-port.js";
import type { ServerUrl } from "./server-config.js";

/** A list of URLs, sorted and without doubles, or why the text is none (etcd's words). */
export type UrlsOutcome =
  | { readonly ok: true; readonly urls: readonly ServerUrl[] }
  | { readonly ok: false; readonly error: string };

type UrlOutcome =
  | { readonly ok: true; readonly url: ServerUrl }
  | { readonly ok: false; readonly error: string };

/** Reads a comma-separated list of http, https, unix and unixs URLs. docs/facts/flags.md section 1. */
export function parseServerUrls(list: string): UrlsOutcome {
  const byText = new Map<string, ServerUrl>();
  for (const item of list.split(",")) {
    const outcome = parseServerUrl(item.trim());
    if (!outcome.ok) return outcome;
    byText.set(outcome.url.text, outcome.url);
  }
  return { ok: true, urls: [...byText.values()].sort(byUrlText) };
}

/** Why a server cannot listen on this URL (it wants an IP address or localhost), or undefined. */
export function bindFault(url: ServerUrl): string | undefined {
  if (url.scheme === "unix" || url.scheme === "unixs" || url.host === "localhost") return undefined;
  const bindable = isIP(url.host) !== 0 && !url.host.includes("%");
  if (!bindable) return `expected IP in URL for binding (${url.text})`;
  return url.port > 65_535 ? `listen tcp: address ${url.port}: invalid port` : undefined;
}

/** Whether the URL listens on every interface. */
export function isWildcard(url: ServerUrl): boolean {
  return url.host === "0.0.0.0" || url.host === "::";
}

/** The same URL at another host and port. */
export function withHost(url: ServerUrl, host: string, port: number): ServerUrl {
  return { ...url, host, port, text: `${url.scheme}://${hostPort(host, port)}` };
}

function byUrlText(a: ServerUrl, b: ServerUrl): number {
  return a.text < b.text ? -1 : Number(a.text > b.text);
}

/** Reads one such URL; nothing may stand around it. */
export function parseServerUrl(text: string): UrlOutcome {
  const split = splitScheme(text);
  if (!split.ok) return failure(`parse ${JSON.stringify(text)}: ${split.error}`);
  const { scheme } = split;
  if (scheme !== "http" && scheme !== "https" && scheme !== "unix" && scheme !== "unixs") {
    return failure(`URL scheme must be http, https, unix, or unixs: ${text}`);
  }
  const { authority, path } = splitAuthority(split.rest);
  const fault = authorityFault(authority, path);
  if (fault !== undefined) return failure(`parse ${JSON.stringify(text)}: ${fault}`);
  const canonical = `${scheme}:${split.rest}`;
  const address = authority.slice(authority.lastIndexOf("@") + 1);
  if (scheme === "unix" || scheme === "unixs") {
    const socketPath = address + path;
    return { ok: true, url: { scheme, host: "", port: 0, socketPath, text: canonical } };
  }
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d*)$/.exec(address);
  if (parts === null) {
    return failure(`URL address does not have the form "host:port": ${text}`);
  }
  if (path !== "") return failure(`URL must not contain a path: ${text}`);
  const host = parts[1] ?? parts[2] ?? "";
  const port = Number(parts[3] || "0");
  return { ok: true, url: { scheme, host, port, socketPath: "", text: canonical } };
}

type SchemeOutcome =
  | { readonly ok: true; readonly scheme: string; readonly rest: string }
  | { readonly ok: false; readonly error: string };

function splitScheme(text: string): SchemeOutcome {
  if (hasControlCharacter(text)) {
    return { ok: false, error: "net/url: invalid control character in URL" };
  }
  const scheme = /^([a-zA-Z][a-zA-Z0-9+.-]*):(.*)$/.exec(text);
  if (scheme !== null) {
    return { ok: true, scheme: (scheme[1] ?? "").toLowerCase(), rest: scheme[2] ?? "" };
  }
  if (text.startsWith(":")) return { ok: false, error: "missing protocol scheme" };
  const firstSegment = text.split("/", 1)[0] ?? "";
  if (firstSegment.includes(":")) {
    return { ok: false, error: "first path segment in URL cannot contain colon" };
  }
  return { ok: true, scheme: "", rest: text };
}

function splitAuthority(rest: string): { authority: string; path: string } {
  const plain = rest.replace(/[?#].*$/, "");
  if (!plain.startsWith("//")) return { authority: "", path: plain };
  const slash = plain.indexOf("/", 2);
  if (slash < 0) return { authority: plain.slice(2), path: "" };
  return { authority: plain.slice(2, slash), path: plain.slice(slash) };
}

function authorityFault(authority: string, path: string): string | undefined {
  const badEscape = /%(?![0-9a-fA-F]{2})(.{0,2})/.exec(authority + path);
  if (badEscape !== null) return `invalid URL escape ${JSON.stringify(`%${badEscape[1] ?? ""}`)}`;
  if (authority.startsWith("[") && !authority.includes("]")) return "missing ']' in host";
  const space = /[ "<>^`{}|\\]/.exec(authority);
  if (space !== null) return `invalid character ${JSON.stringify(space[0])} in host name`;
  const port = /:([^:\]]*)$/.exec(authority)?.[1];
  if (port !== undefined && !/^\d*$/.test(port)) {
    return `invalid port ${JSON.stringify(`:${port}`)} after host`;
  }
  return undefined;
}

function hasControlCharacter(text: string): boolean {
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code < 0x20 || code === 0x7f) return true;
  }
  return false;
}

function failure(error: string): { readonly ok: false; readonly error: string } {
  return { ok: false, error };
}
