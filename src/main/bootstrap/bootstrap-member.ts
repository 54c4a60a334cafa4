import type { Member } from "../../shared/gen/etcdserverpb/rpc.js";
import { ConfChangeType, confChangePayload } from "../../shared/messages/conf-change.js";
import { bootstrapMemberId, clusterId, idText } from "../config/member-id.js";
import type { ServerConfig, ServerUrl } from "../config/server-config.js";
import type { AskMembers } from "./ask-members.js";
import {
  type BootstrapMember,
  type BootstrapOutcome,
  type BootstrapPorts,
  bootstrapFailure,
} from "./bootstrap-outcome.js";
import { isStarted, joinCluster } from "./join-cluster.js";
import { hasDuplicateUrl, otherUrls, parseRoster, type Roster, rosterText } from "./roster.js";
import { type Resolver, urlDifference } from "./same-urls.js";

/** How long the others may take to say that this member is no new one. */
const BOOTSTRAPPED_TIMEOUT_MS = 1000;

/**
 * Works out who a member is that starts without data. Call it only then: with data, the initial-* settings
 * mean nothing. docs/facts/operations.md sections 1 and 2, texts flags.md section 1.
 */
export async function bootstrapMember(
  config: ServerConfig,
  ports: BootstrapPorts,
): Promise<BootstrapOutcome> {
  const parsed = parseRoster(config.initialCluster);
  if (!parsed.ok) return bootstrapFailure(`error setting up initial cluster: ${parsed.error}`);
  const { roster } = parsed;
  const own = roster.get(config.name);
  if (own === undefined) {
    const local = JSON.stringify(config.name);
    return bootstrapFailure(
      `couldn't find local name ${local} in the initial cluster configuration`,
    );
  }
  const isNew = config.initialClusterState === "new";
  const fault = isNew ? await advertiseFault(config, own, ports.resolver) : undefined;
  if (fault !== undefined) return bootstrapFailure(fault);
  if (hasDuplicateUrl(roster)) {
    return bootstrapFailure(`initial cluster ${rosterText(roster)} has duplicate url`);
  }
  if (!isNew) return joinCluster(roster, config.name, ports);
  const member = newMember(config, roster, own);
  const others = otherUrls(roster, config.name);
  if (await isBootstrapped(member.memberId, others, ports.ask)) {
    return bootstrapFailure(`member ${idText(member.memberId)} has already been bootstrapped`);
  }
  return { ok: true, member };
}

/** The same from the settings alone: the member of a new cluster that they describe, if they do. */
export function rosterMember(config: ServerConfig): BootstrapMember | undefined {
  const parsed = parseRoster(config.initialCluster);
  if (!parsed.ok || config.initialClusterState !== "new") return undefined;
  const own = parsed.roster.get(config.name);
  return own === undefined ? undefined : newMember(config, parsed.roster, own);
}

function newMember(
  config: ServerConfig,
  roster: Roster,
  own: readonly ServerUrl[],
): BootstrapMember {
  const token = config.initialClusterToken;
  const members = [...roster.values()]
    .map((urls) => rosterEntry(urls, token))
    .sort((a, b) => (a.ID < b.ID ? -1 : 1));
  return {
    memberId: rosterEntry(own, token).ID,
    clusterId: clusterId(members.map(({ ID }) => ID)),
    bootstrap: members.map((member) =>
      confChangePayload({ type: ConfChangeType.addVoter, member }),
    ),
    members,
  };
}

/** Without its name, which every member publishes itself. */
function rosterEntry(urls: readonly ServerUrl[], token: string): Member {
  const peerURLs = urls.map((url) => url.text);
  const ID = bootstrapMemberId(peerURLs, token);
  return { ID, name: "", peerURLs, clientURLs: [], isLearner: false };
}

/** Why a member's own entry in the roster is not what it advertises. */
async function advertiseFault(
  config: ServerConfig,
  own: readonly ServerUrl[],
  resolver: Resolver,
): Promise<string | undefined> {
  const advertised = config.initialAdvertisePeerUrls;
  const why = await urlDifference(advertised, own, resolver);
  if (why === undefined) return undefined;
  const texts = (urls: readonly ServerUrl[]): string[] => urls.map(({ text }) => text);
  const list = texts(advertised);
  const missing = texts(own).filter((text) => !list.includes(text));
  if (missing.length > 0) {
    const entries = missing.map((text) => `${config.name}=${text}`).join(",");
    return `--initial-cluster has ${entries} but missing from --initial-advertise-peer-urls=${list.join(",")} (${why})`;
  }
  // etcd shows the advertised URLs once more here, where the roster is meant.
  const extra = list.filter((text) => !texts(own).includes(text)).join(",");
  return `--initial-advertise-peer-urls has ${extra} but missing from --initial-cluster=${config.initialCluster}`;
}

/**
 * Whether another member knows this one as started. Members that cannot be reached say nothing: in a new
 * cluster all start at about the same time.
 */
async function isBootstrapped(
  memberId: bigint,
  others: readonly ServerUrl[],
  ask: AskMembers,
): Promise<boolean> {
  const known = await Promise.all(
    others.map(async (url) => {
      const cluster = await ask(url, BOOTSTRAPPED_TIMEOUT_MS).catch(() => undefined);
      return cluster?.members.find(({ ID }) => ID === memberId);
    }),
  );
  return known.some((member) => member !== undefined && isStarted(member));
}
