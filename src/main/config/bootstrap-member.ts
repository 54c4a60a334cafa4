import { bootstrapMemberId, clusterId } from "./member-id.js";
import type { ServerConfig, ServerUrl } from "./server-config.js";
import { parseServerUrls } from "./server-url.js";

/** Who a new member is, for good: written to disk once and read from there ever after. */
export interface BootstrapMember {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  readonly name: string;
  readonly peerUrls: readonly string[];
}

/** The member, or the one line that says why this roster cannot be started. */
export type BootstrapOutcome =
  | { readonly ok: true; readonly member: BootstrapMember }
  | { readonly ok: false; readonly error: string };

/**
 * Works out the ids of a member that starts without data. Call it only then: with data, the initial-*
 * settings mean nothing. docs/facts/operations.md sections 1 and 2, texts flags.md section 1.
 */
export function bootstrapMember(config: ServerConfig): BootstrapOutcome {
  const roster = parseRoster(config.initialCluster);
  if (!roster.ok) return failure(`error setting up initial cluster: ${roster.error}`);
  const own = roster.members.get(config.name);
  if (own === undefined) {
    const local = JSON.stringify(config.name);
    return failure(`couldn't find local name ${local} in the initial cluster configuration`);
  }
  if (roster.members.size > 1) {
    const names = [...roster.members.keys()].join(", ");
    return failure(
      `multi-member clusters are not supported yet by this version (--initial-cluster has ${names})`,
    );
  }
  if (config.initialClusterState === "existing") {
    return failure("joining an existing cluster is not supported yet by this version");
  }
  const fault = rosterFault(config, own);
  if (fault !== undefined) return failure(fault);
  const peerUrls = own.map((url) => url.text);
  const memberId = bootstrapMemberId(peerUrls, config.initialClusterToken);
  const member = {
    memberId,
    clusterId: clusterId([memberId]),
    name: config.name,
    peerUrls,
  };
  return { ok: true, member };
}

type Roster =
  | { readonly ok: true; readonly members: ReadonlyMap<string, readonly ServerUrl[]> }
  | { readonly ok: false; readonly error: string };

function parseRoster(text: string): Roster {
  const lists = new Map<string, string[]>();
  for (const item of text.split(",")) {
    const equals = item.indexOf("=");
    const name = (equals < 0 ? item : item.slice(0, equals)).trim();
    const list = lists.get(name) ?? [];
    list.push(equals < 0 ? "" : item.slice(equals + 1));
    lists.set(name, list);
  }
  const members = new Map<string, readonly ServerUrl[]>();
  for (const [name, list] of lists) {
    const outcome = parseServerUrls(list.join(","));
    if (!outcome.ok) return outcome;
    members.set(name, outcome.urls);
  }
  return { ok: true, members };
}

/** Names of one host are compared as text, but for localhost; etcd asks the resolver. */
function rosterFault(config: ServerConfig, own: readonly ServerUrl[]): string | undefined {
  const advertised = config.initialAdvertisePeerUrls;
  const advertisedTexts = advertised.map(comparable);
  const rosterTexts = own.map(comparable);
  const missing = own.filter((url) => !advertisedTexts.includes(comparable(url)));
  const extra = advertised.filter((url) => !rosterTexts.includes(comparable(url)));
  if (missing.length === 0 && extra.length === 0) return undefined;
  const list = advertised.map((url) => url.text).join(",");
  if (missing.length === 0) {
    const entries = extra.map((url) => `${config.name}=${url.text}`).join(",");
    return `--initial-advertise-peer-urls has ${entries} but missing from --initial-cluster=${config.initialCluster}`;
  }
  const entries = missing.map((url) => `${config.name}=${url.text}`).join(",");
  const shown = (urls: readonly ServerUrl[]) => urls.map((url) => JSON.stringify(url.text));
  const why =
    advertised.length === own.length
      ? `resolved urls: ${shown(extra)[0] ?? '""'} != ${shown(missing)[0] ?? '""'}`
      : `len([${shown(advertised).join(" ")}]) != len([${shown(own).join(" ")}])`;
  return `--initial-cluster has ${entries} but missing from --initial-advertise-peer-urls=${list} (${why})`;
}

function comparable(url: ServerUrl): string {
  return url.host === "localhost" ? url.text.replace("//localhost:", "//127.0.0.1:") : url.text;
}

function failure(error: string): BootstrapOutcome {
  return { ok: false, error };
}
