import type { ServerUrl } from "../config/server-config.js";
import { parseServerUrls } from "../config/server-url.js";

/** The members of `--initial-cluster` by name, with their peer URLs, sorted. */
export type Roster = ReadonlyMap<string, readonly ServerUrl[]>;

/** A roster, or why the text is none. */
export type RosterOutcome =
  | { readonly ok: true; readonly roster: Roster }
  | { readonly ok: false; readonly error: string };

/** Reads `name=url,name=url`; a member with several URLs is there once per URL. */
export function parseRoster(text: string): RosterOutcome {
  const lists = new Map<string, string[]>();
  for (const item of text.split(",")) {
    const equals = item.indexOf("=");
    const name = (equals < 0 ? item : item.slice(0, equals)).trim();
    const list = lists.get(name) ?? [];
    list.push(equals < 0 ? "" : item.slice(equals + 1));
    lists.set(name, list);
  }
  const roster = new Map<string, readonly ServerUrl[]>();
  for (const [name, list] of lists) {
    const outcome = parseServerUrls(list.join(","));
    if (!outcome.ok) return outcome;
    roster.set(name, outcome.urls);
  }
  return { ok: true, roster };
}

/** The roster as one text, sorted. */
export function rosterText(roster: Roster): string {
  const pairs = [...roster].flatMap(([name, urls]) => urls.map((url) => `${name}=${url.text}`));
  return pairs.sort().join(",");
}

/** Whether two members have a URL in common. */
export function hasDuplicateUrl(roster: Roster): boolean {
  const texts = [...roster.values()].flat().map((url) => url.text);
  return new Set(texts).size < texts.length;
}

/** The URLs of all members but the one of this name. */
export function otherUrls(roster: Roster, name: string): ServerUrl[] {
  return [...roster].flatMap(([other, urls]) => (other === name ? [] : urls));
}
