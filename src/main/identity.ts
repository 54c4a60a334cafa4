import { nodeDisk } from "../wal/node-disk.js";
import { readWalMetadata } from "../wal/open-wal.js";
import type { WalMetadata } from "../wal/types.js";
import { bootstrapMember } from "./config/bootstrap-member.js";
import type { ServerConfig } from "./config/server-config.js";

/** This member and its cluster; drawn once, then read from the log for good. */
export interface Identity extends WalMetadata {
  /** The ids are those of the log; false: there is no log yet. */
  readonly hasLog: boolean;
}

/** The settings do not describe a member that could be started. */
export class BootstrapError extends Error {
  override name = "BootstrapError";
}

/**
 * Who this member is: what its log says, or for a new member what the bootstrap settings give. With a log
 * those settings mean nothing (docs/facts/operations.md section 2).
 */
export async function memberIdentity(walDir: string, config: ServerConfig): Promise<Identity> {
  const stored = await readWalMetadata(nodeDisk, walDir);
  if (stored !== undefined) return { ...stored, hasLog: true };
  const outcome = bootstrapMember(config);
  if (!outcome.ok) throw new BootstrapError(outcome.error);
  const { memberId, clusterId } = outcome.member;
  return { memberId, clusterId, hasLog: false };
}
