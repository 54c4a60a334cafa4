import type { Member } from "../../../src/shared/gen/etcdserverpb/rpc.js";
import {
  type ConfChange,
  ConfChangeType,
  encodeConfChange,
} from "../../../src/shared/messages/conf-change.js";
import { EntryKind } from "../../../src/shared/messages/entry.js";
import type { Random } from "../../support/random.js";
import { memberRecord, type SimCluster } from "../cluster.js";
import type { World } from "../world/world.js";
import type { MemberPort } from "./member-port.js";

/** More than this the cluster does not grow. */
const MEMBERS_MAX = 6;
const VOTERS_MIN = 2;

/** What an administrator is made of. */
export interface AdminClientOptions {
  readonly world: World;
  readonly random: Random;
  readonly port: MemberPort;
  readonly cluster: SimCluster;
  readonly everyMs: number;
}

/** Adds members, promotes and removes them, without waiting for the last change to be done. */
export class AdminClient {
  readonly #options: AdminClientOptions;
  /** Members whose removal was asked for: whether it was done is not known at once. */
  readonly #leaving = new Set<bigint>();
  #isStopped = false;

  constructor(options: AdminClientOptions) {
    this.#options = options;
  }

  /** Begins to work. */
  start(): void {
    const { world, random, everyMs } = this.#options;
    world.events.after(random.next() * 2 * everyMs, () => {
      if (this.#isStopped) return;
      this.#change();
      this.start();
    });
  }

  /** Ends. */
  stop(): void {
    this.#isStopped = true;
  }

  #change(): void {
    const change = this.#draw();
    if (change === undefined) return;
    const { port, world } = this.#options;
    const { type, member } = change;
    if (type === ConfChangeType.remove) this.#leaving.add(member.ID);
    world.trace.note(0, "change", type, Number(member.ID));
    port.leave();
    port.call<number>({
      timeoutMs: 2000,
      serve: ({ frontend }, answer) =>
        frontend.propose(EntryKind.confChange, encodeConfChange(change), (code) => answer(code)),
      ended: () => {},
    });
  }

  #draw(): ConfChange | undefined {
    const { random, cluster } = this.#options;
    const { members } = cluster.checks.truth;
    const learners = members.filter(({ isLearner }) => isLearner);
    // Of two voters none is removed: one that goes before the other knows of it leaves nobody who may lead.
    const staying = members.filter(({ ID }) => !this.#leaving.has(ID));
    const voters = staying.filter(({ isLearner }) => !isLearner);
    const kind = random.weighted([
      [2, ConfChangeType.addLearner],
      [1, ConfChangeType.addVoter],
      [4, ConfChangeType.promote],
      [3, ConfChangeType.remove],
      [1, ConfChangeType.update],
    ] as const);
    switch (kind) {
      case ConfChangeType.addLearner:
      case ConfChangeType.addVoter: {
        if (members.length >= MEMBERS_MAX) return undefined;
        const { id } = cluster.addMember();
        return { type: kind, member: memberRecord(id, kind === ConfChangeType.addLearner) };
      }
      case ConfChangeType.promote:
        return this.#about(kind, learners);
      case ConfChangeType.remove:
        return voters.length > VOTERS_MIN
          ? this.#about(kind, members)
          : this.#about(kind, learners);
      case ConfChangeType.update:
        return this.#about(kind, members);
    }
  }

  #about(type: ConfChange["type"], members: readonly Member[]): ConfChange | undefined {
    return members.length === 0 ? undefined : { type, member: this.#options.random.pick(members) };
  }
}
