import type { Configuration } from "./configuration.js";
import type { RoleName } from "./effects.js";
import type { MemberId } from "./entry.js";
import type { Node } from "./node.js";
import type { ProgressState } from "./progress.js";
import type { Role } from "./role.js";

/** What a leader knows of one member. */
export interface MemberProgress {
  readonly id: MemberId;
  readonly matchIndex: number;
  readonly state: ProgressState;
  /** Heard from since the last check of the quorum. */
  readonly recentlyActive: boolean;
}

/** A summary for status answers and tests. */
export interface RaftStatus {
  readonly role: RoleName;
  readonly term: number;
  readonly vote: MemberId;
  readonly leaderId: MemberId | undefined;
  readonly commitIndex: number;
  readonly appliedIndex: number;
  readonly persistedIndex: number;
  readonly firstIndex: number;
  readonly lastIndex: number;
  readonly configuration: Configuration;
  /** Changes of the configuration up to here are in effect. */
  readonly configuredIndex: number;
  /** Of every member, this one included, in id order; empty on a member that does not lead. */
  readonly progress: readonly MemberProgress[];
  /** Whom this leader hands over to. */
  readonly transferTarget: MemberId | undefined;
}

/** Whom a member in this role believes to lead. */
export function leaderOf(node: Node, role: Role): MemberId | undefined {
  if (role.kind === "leader") return node.id;
  return role.kind === "follower" ? role.leaderId : undefined;
}

/** The summary of a member. */
export function statusOf(node: Node, role: Role): RaftStatus {
  const { log, term, vote, configuration } = node;
  const isLeader = role.kind === "leader";
  return {
    role: role.kind,
    term,
    vote,
    leaderId: leaderOf(node, role),
    commitIndex: log.commitIndex,
    appliedIndex: log.appliedIndex,
    persistedIndex: log.persistedIndex,
    firstIndex: log.firstIndex,
    lastIndex: log.lastIndex,
    configuration,
    configuredIndex: log.configuredIndex,
    progress: isLeader
      ? [...role.progress].map(([id, { matchIndex, state, recentlyActive }]) => {
          return { id, matchIndex, state, recentlyActive };
        })
      : [],
    transferTarget: isLeader ? role.transfer?.target : undefined,
  };
}
