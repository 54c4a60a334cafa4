import type { Member } from "../../shared/gen/etcdserverpb/rpc.js";
import type { ServerUrl } from "../config/server-config.js";
import type { AskMembers } from "./ask-members.js";
import type { Resolver } from "./same-urls.js";

/** Who a new member is, for good: written to disk once and read from there ever after. */
export interface BootstrapMember {
  readonly memberId: bigint;
  readonly clusterId: bigint;
  /** Payloads of the first entries of the cluster's log; none for a member that joins. */
  readonly bootstrap: readonly Uint8Array[];
  /** The members that this one may expect to hear from, itself among them. */
  readonly members: readonly Member[];
}

/** The member, or the one line that says why this roster cannot be started. */
export type BootstrapOutcome =
  | { readonly ok: true; readonly member: BootstrapMember }
  | { readonly ok: false; readonly error: string };

/** What finding out needs of the world. */
export interface BootstrapPorts {
  readonly ask: AskMembers;
  readonly resolver: Resolver;
  /** Hears of a member of a running cluster that did not answer. */
  unanswered(url: ServerUrl, error: unknown): void;
}

/** There is no member; the line says why. */
export function bootstrapFailure(error: string): BootstrapOutcome {
  return { ok: false, error };
}
