import type { Member } from "../../shared/gen/etcdserverpb/rpc.js";
import { idText } from "../config/member-id.js";
import type { ServerUrl } from "../config/server-config.js";
import { parseServerUrls } from "../config/server-url.js";
import type { KnownCluster } from "./ask-members.js";
import {
  type BootstrapOutcome,
  type BootstrapPorts,
  bootstrapFailure,
} from "./bootstrap-outcome.js";
import { otherUrls, type Roster } from "./roster.js";
import { type Resolver, urlDifference } from "./same-urls.js";

/** How long a running cluster's members may take to say who they are. */
const JOIN_TIMEOUT_MS = 10_000;

/**
 * Works out who a member is that joins a running cluster: the others know its id, from the change that added
 * it. The roster has to be the cluster's, member by member.
 */
export async function joinCluster(
  roster: Roster,
  name: string,
  ports: BootstrapPorts,
): Promise<BootstrapOutcome> {
  const known = await askOthers(otherUrls(roster, name), ports);
  if (known.length === 0) {
    return bootstrapFailure(
      "cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs",
    );
  }
  // A member that lags does not know yet that this one was added: whoever agrees with the roster counts.
  const outcomes: BootstrapOutcome[] = [];
  for (const cluster of known) {
    const outcome = await takeIds(roster, name, cluster, ports.resolver);
    if (outcome.ok) return outcome;
    outcomes.push(outcome);
  }
  return outcomes[0] ?? bootstrapFailure("no member answered");
}

/** A member that has ever run has published its name and client URLs. */
export function isStarted(member: Member): boolean {
  return member.name !== "" || member.clientURLs.length > 0;
}

/** The answers that came, in the order of the URLs. */
async function askOthers(
  urls: readonly ServerUrl[],
  ports: BootstrapPorts,
): Promise<KnownCluster[]> {
  const answers = await Promise.all(
    urls.map((url) =>
      ports.ask(url, JOIN_TIMEOUT_MS).catch((error: unknown) => {
        ports.unanswered(url, error);
        return undefined;
      }),
    ),
  );
  return answers.filter((answer) => answer !== undefined);
}

async function takeIds(
  roster: Roster,
  name: string,
  cluster: KnownCluster,
  resolver: Resolver,
): Promise<BootstrapOutcome> {
  const invalid = (why: string): BootstrapOutcome =>
    bootstrapFailure(`error validating peerURLs ${clusterText(cluster)}: ${why}`);
  if (cluster.members.length !== roster.size) return invalid("member count is unequal");
  let own: Member | undefined;
  for (const member of cluster.members) {
    const match = await matchingName(roster, member, resolver);
    if (match.name === undefined) {
      const urls = member.peerURLs.join(" ");
      const last = `last resolver error (${match.why})`;
      return invalid(
        `PeerURLs: no match found for existing member (${idText(member.ID)}, [${urls}]), ${last}`,
      );
    }
    if (match.name === name) own = member;
  }
  if (own === undefined) return invalid(`no existing member is ${name}`);
  // What it acknowledged when it ran would be forgotten, and the cluster counts on it.
  if (isStarted(own)) {
    const remedy = "its data is missing: remove it from the cluster and add it again";
    return bootstrapFailure(`member ${idText(own.ID)} has already been bootstrapped, ${remedy}`);
  }
  const { clusterId, members } = cluster;
  return { ok: true, member: { memberId: own.ID, clusterId, bootstrap: [], members } };
}

/** Whose entry in the roster a member of the cluster is; else why not the last one's. */
async function matchingName(
  roster: Roster,
  member: Member,
  resolver: Resolver,
): Promise<{ readonly name: string | undefined; readonly why: string }> {
  const parsed = parseServerUrls(member.peerURLs.join(","));
  if (!parsed.ok) return { name: undefined, why: parsed.error };
  let why = "";
  for (const [name, urls] of roster) {
    const difference = await urlDifference(parsed.urls, urls, resolver);
    if (difference === undefined) return { name, why };
    why = difference;
  }
  return { name: undefined, why };
}

/** A cluster as etcd's own errors show it. */
function clusterText({ clusterId, members }: KnownCluster): string {
  const texts = members.map(({ ID, peerURLs, isLearner, name, clientURLs }) => {
    const raft = `RaftAttributes:{PeerURLs:[${peerURLs.join(" ")}] IsLearner:${isLearner}}`;
    const own = `Attributes:{Name:${name} ClientURLs:[${clientURLs.join(" ")}]}`;
    return `&{ID:${idText(ID)} ${raft} ${own}}`;
  });
  return `{ClusterID:${idText(clusterId)} Members:[${texts.join(" ")}] RemovedMemberIDs:[]}`;
}
