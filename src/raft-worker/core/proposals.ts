import { assert } from "../../shared/assert.js";
import { isJoint } from "./configuration.js";
import type { MemberId } from "./entry.js";
import type { Node } from "./node.js";
import { replicateToAll } from "./replication.js";
import type { Leader } from "./role.js";

const WAITING_CHANGES_MAX = 16;

/** Proposals, and who made them. */
export interface Proposals {
  readonly from: MemberId;
  readonly payloads: readonly Uint8Array[];
}

/** Changes of the configuration that wait until the one before them is in effect. */
export class WaitingChanges {
  #waiting: { readonly from: MemberId; readonly payload: Uint8Array }[] = [];

  /** Takes one; false when too many wait already. */
  add(from: MemberId, payload: Uint8Array): boolean {
    if (this.#waiting.length >= WAITING_CHANGES_MAX) return false;
    this.#waiting.push({ from, payload });
    return true;
  }

  /** Takes the oldest out. */
  takeFirst(): Uint8Array | undefined {
    return this.#waiting.shift()?.payload;
  }

  /** Takes all out. */
  takeAll(): { readonly from: MemberId; readonly payload: Uint8Array }[] {
    const waiting = this.#waiting;
    this.#waiting = [];
    return waiting;
  }
}

/**
 * Appends proposals to the log and replicates them at once, ahead of this member's own disk. While
 * leadership is handed over, and for other members when too much waits to be applied, they go back.
 */
export function proposeAsLeader(node: Node, role: Leader, proposals: Proposals): void {
  const { from, payloads } = proposals;
  const isFlooded = from !== node.id && node.log.unappliedBytes >= node.settings.unappliedBytesMax;
  if (role.transfer !== undefined || isFlooded) {
    refuseProposals(node, proposals);
    return;
  }
  node.appendPayloads(payloads.filter((payload) => !node.codec.isConfChange(payload)));
  for (const payload of payloads) {
    if (!node.codec.isConfChange(payload) || role.waitingChanges.add(from, payload)) continue;
    refuseProposals(node, { from, payloads: [payload] });
  }
  appendNextChange(node, role);
  replicateToAll(node, role);
}

/**
 * Appends the next change of the configuration that waits, unless one is in the log and not in effect:
 * two at once could make majorities that do not overlap. A joint change is ended before others.
 */
export function appendNextChange(node: Node, role: Leader): void {
  if (role.transfer !== undefined || node.log.hasUnconfiguredChange) return;
  const { codec } = node;
  if (isJoint(node.configuration)) {
    assert(codec.isConfChange(codec.leaveJointPayload), "what ends a joint change is a change");
    node.appendPayloads([codec.leaveJointPayload]);
    return;
  }
  const payload = role.waitingChanges.takeFirst();
  if (payload !== undefined) node.appendPayloads([payload]);
}

/** Gives the changes that wait back to those who made them: this member leads no more. */
export function refuseWaitingChanges(node: Node, role: Leader): void {
  for (const { from, payload } of role.waitingChanges.takeAll()) {
    refuseProposals(node, { from, payloads: [payload] });
  }
}

/** Gives proposals back to the member that made them. It may propose them again. */
export function refuseProposals(node: Node, { from, payloads }: Proposals): void {
  if (from === node.id) node.refuseProposals(payloads);
  else node.send(from, { kind: "proposeRefused", term: node.term, payloads });
}
