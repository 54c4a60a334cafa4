import { encodeMembership } from "../shared/messages/membership.js";
import { nodeDisk } from "../wal/node-disk.js";
import { readWalMetadata } from "../wal/open-wal.js";
import type { WalMetadata } from "../wal/types.js";
import { rosterMember } from "./bootstrap/bootstrap-member.js";
import type { BootstrapMember, BootstrapOutcome } from "./bootstrap/bootstrap-outcome.js";
import type { ServerConfig } from "./config/server-config.js";

/** This member and its cluster; drawn once, then read from the log for good. */
export interface Identity extends WalMetadata {
  /** The ids are those of the log; false: there is no log yet. */
  readonly hasLog: boolean;
  /** What an empty log begins with: the members of a new cluster, one entry each. */
  readonly bootstrap: readonly Uint8Array[];
  /** Whom a member without data may expect to hear from (membership.ts). */
  readonly seeds: Uint8Array;
}

/** The settings do not describe a member that could be started. */
export class BootstrapError extends Error {
  override name = "BootstrapError";
}

/**
 * Who this member is: what its log says, or for a new member what `bootstrap` finds out. With a log the
 * settings of a bootstrap mean nothing (docs/facts/operations.md section 2), but for one case: a crash
 * may have come between the making of the log and its first entries, and the same roster still gives them.
 */
export async function memberIdentity(
  walDir: string,
  config: ServerConfig,
  bootstrap: () => Promise<BootstrapOutcome>,
): Promise<Identity> {
  const stored = await readWalMetadata(nodeDisk, walDir);
  if (stored !== undefined) {
    const member = rosterMember(config);
    const isOwn = member?.memberId === stored.memberId && member.clusterId === stored.clusterId;
    return { ...stored, hasLog: true, ...beginning(isOwn ? member : undefined) };
  }
  const outcome = await bootstrap();
  if (!outcome.ok) throw new BootstrapError(outcome.error);
  const { memberId, clusterId } = outcome.member;
  return { memberId, clusterId, hasLog: false, ...beginning(outcome.member) };
}

function beginning(member: BootstrapMember | undefined): Pick<Identity, "bootstrap" | "seeds"> {
  const members = member?.members ?? [];
  return {
    bootstrap: member?.bootstrap ?? [],
    seeds: encodeMembership({ index: 0, members, removed: [] }),
  };
}
