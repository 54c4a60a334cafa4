import { type AlarmMember, Member } from "../../shared/gen/etcdserverpb/rpc.js";
import { Lease as StoredLease } from "../../shared/gen/leasepb/lease.js";
import type { Lease } from "./lease.js";

const NO_BODY = new Uint8Array(0);

/** An id with its new row, or undefined when the row goes. */
export type RowChange = readonly [id: bigint, row: Uint8Array | undefined];

/** An alarm that was raised or taken back. */
export interface AlarmChange {
  readonly memberId: bigint;
  readonly alarm: number;
  readonly raised: boolean;
}

/** What a checkpoint writes beside the delta. */
export interface SideChanges {
  /** leasepb.Lease by id. */
  readonly leases: readonly RowChange[];
  /** etcdserverpb.Member by id. */
  readonly members: readonly RowChange[];
  /** Ids that were members once; empty rows. */
  readonly removedMembers: readonly RowChange[];
  readonly alarms: readonly AlarmChange[];
}

/** Collects the changes of the small tables between two checkpoints; the last one of each row counts. */
export class SideTables {
  readonly #leases = new Map<bigint, Uint8Array | undefined>();
  readonly #members = new Map<bigint, Uint8Array | undefined>();
  readonly #removedMembers = new Map<bigint, Uint8Array | undefined>();
  readonly #alarms = new Map<string, AlarmChange>();

  /** A lease was granted, or its remaining TTL recorded. */
  putLease(lease: Readonly<Lease>): void {
    const stored = {
      ID: lease.id,
      TTL: BigInt(lease.ttlSeconds),
      RemainingTTL: BigInt(lease.checkpointedSeconds),
    };
    this.#leases.set(lease.id, StoredLease.encode(stored).finish());
  }

  /** A lease was revoked. */
  removeLease(id: bigint): void {
    this.#leases.set(id, undefined);
  }

  /** A member was added, changed, or published its attributes. */
  putMember(member: Member): void {
    this.#members.set(member.ID, Member.encode(member).finish());
  }

  /** A member was removed: its id is kept. */
  removeMember(id: bigint): void {
    this.#members.set(id, undefined);
    this.#removedMembers.set(id, NO_BODY);
  }

  /** A former member is one again (`--force-new-cluster`). */
  restoreMember(id: bigint): void {
    this.#removedMembers.set(id, undefined);
  }

  /** An alarm was raised or taken back. */
  setAlarm({ memberID, alarm }: AlarmMember, raised: boolean): void {
    this.#alarms.set(`${memberID} ${alarm}`, { memberId: memberID, alarm, raised });
  }

  /** Hands everything collected to a checkpoint and begins anew. */
  take(): SideChanges {
    const changes = {
      leases: [...this.#leases],
      members: [...this.#members],
      removedMembers: [...this.#removedMembers],
      alarms: [...this.#alarms.values()],
    };
    this.#leases.clear();
    this.#members.clear();
    this.#removedMembers.clear();
    this.#alarms.clear();
    return changes;
  }
}
