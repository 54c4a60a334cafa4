import assert from "node:assert/strict";
import { afterEach, describe, test } from "node:test";
import { LeaderLessor } from "../../src/main/cluster/leader-lessor.js";
import { Standing } from "../../src/main/cluster/standing.js";
import type { AnswerHandler } from "../../src/main/frontend/pending.js";
import { ErrorCode } from "../../src/shared/errors.js";
import {
  LeaseKeepAliveResponse,
  LeaseTimeToLiveResponse,
} from "../../src/shared/gen/etcdserverpb/rpc.js";
import { MainToApply } from "../../src/shared/messages/main-to-apply.js";
import { BoardSlot } from "../../src/shared/status-board.js";
import { FrontendRig, member } from "./support/frontend-rig.js";

const LEASE = 77n;

/** Member 1, leading in term 4, with so many members. */
class LessorRig extends FrontendRig {
  readonly lessor: LeaderLessor;
  readonly told: string[] = [];
  /** TTL that an answer tells of. */
  readonly handler: AnswerHandler = (code, _revision, bytes, offset, length) => {
    const body = bytes.subarray(offset, offset + length);
    this.told.push(code === 0 ? `ttl ${LeaseKeepAliveResponse.decode(body).TTL}` : `code ${code}`);
  };

  constructor(memberCount: number) {
    super({
      members: Array.from({ length: memberCount }, (_, at) => member(BigInt(at + 1))),
    });
    const { frontend, board } = this;
    const members = (): ReturnType<typeof frontend.members> => frontend.members();
    const standing = new Standing({ memberId: 1n, board, members });
    this.lessor = new LeaderLessor({ frontend, board, standing });
    this.role({ leaderId: 1n, term: 4 });
    frontend.start();
  }

  role({ leaderId, term }: { leaderId: bigint; term: number }): void {
    this.board.setId(BoardSlot.leaderId, leaderId);
    this.board.set(BoardSlot.term, term);
  }

  /** Answers the next renewal. */
  async renewed(TTL: bigint): Promise<void> {
    const { type, requestId, leaseId } = await this.leaseQuery();
    assert.deepEqual([type, leaseId], [MainToApply.leaseRenew, LEASE]);
    const body = LeaseKeepAliveResponse.encode({ header: undefined, ID: LEASE, TTL }).finish();
    this.result(requestId, 0, body);
  }

  /** The first renewal of a term waits for what the log holds of earlier ones. */
  async caughtUp(): Promise<void> {
    await this.confirmRead(() => assert.deepEqual(this.told, []));
  }

  async answered(): Promise<string> {
    await this.until(() => this.told.length > 0, "the answer");
    return this.told.join();
  }
}

describe("LeaderLessor", () => {
  let rig: LessorRig;
  afterEach(() => rig.stop());

  test("L-21 answers a renewal when a quorum has confirmed it afterwards", async () => {
    rig = new LessorRig(3);
    rig.lessor.renew(LEASE, rig.handler);
    await rig.caughtUp();
    await rig.renewed(10n);
    await rig.confirmRead(() => assert.deepEqual(rig.told, []));
    assert.equal(await rig.answered(), "ttl 10");
  });

  test("a renewal by a leader that another one has followed is no renewal", async () => {
    rig = new LessorRig(3);
    rig.lessor.renew(LEASE, rig.handler);
    await rig.caughtUp();
    await rig.renewed(10n);
    // The next leader answers the question for a read index.
    await rig.confirmRead(() => rig.role({ leaderId: 2n, term: 5 }));
    assert.equal(await rig.answered(), `code ${ErrorCode.notLeader}`);
  });

  test("not even when it leads again", async () => {
    rig = new LessorRig(3);
    rig.lessor.renew(LEASE, rig.handler);
    await rig.caughtUp();
    await rig.renewed(10n);
    await rig.confirmRead(() => rig.role({ leaderId: 1n, term: 6 }));
    assert.equal(await rig.answered(), `code ${ErrorCode.notLeader}`);
  });

  test("L-22 a lease is unknown only when it is so after a quorum was heard", async () => {
    rig = new LessorRig(3);
    rig.lessor.renew(LEASE, rig.handler);
    await rig.caughtUp();
    await rig.renewed(0n);
    await rig.confirmRead(() => assert.deepEqual(rig.told, []));
    await rig.renewed(0n);
    assert.equal(await rig.answered(), "ttl 0");
    assert.deepEqual(rig.readIds, []);
  });

  test("a lease that was granted meanwhile is renewed, and that is confirmed too", async () => {
    rig = new LessorRig(3);
    rig.lessor.renew(LEASE, rig.handler);
    await rig.caughtUp();
    await rig.renewed(0n);
    await rig.confirmRead();
    await rig.renewed(10n);
    await rig.confirmRead(() => assert.deepEqual(rig.told, []));
    assert.equal(await rig.answered(), "ttl 10");
  });

  test("only the first renewal of a term waits for the end of the predecessor's log", async () => {
    rig = new LessorRig(3);
    rig.lessor.renew(LEASE, rig.handler);
    await rig.caughtUp();
    await rig.renewed(10n);
    await rig.confirmRead();
    await rig.answered();
    rig.lessor.renew(LEASE, rig.handler);
    await rig.renewed(10n);
    await rig.confirmRead();
    await rig.until(() => rig.told.length === 2, "the second answer");
    rig.role({ leaderId: 1n, term: 9 });
    rig.lessor.renew(LEASE, rig.handler);
    await rig.confirmRead(() => assert.equal(rig.told.length, 2));
    await rig.renewed(10n);
    await rig.confirmRead();
    await rig.until(() => rig.told.length === 3, "the answer of the next term");
  });

  test("where nobody else can lead, nobody is asked", async () => {
    rig = new LessorRig(1);
    rig.lessor.renew(LEASE, rig.handler);
    await rig.renewed(0n);
    assert.equal(await rig.answered(), "ttl 0");
    assert.deepEqual(rig.readIds, []);
  });

  test("a member that does not lead says so", async () => {
    rig = new LessorRig(3);
    rig.role({ leaderId: 2n, term: 4 });
    rig.lessor.renew(LEASE, rig.handler);
    rig.lessor.timeToLive(LEASE, true, rig.handler);
    assert.deepEqual(rig.told, Array(2).fill(`code ${ErrorCode.notLeader}`));
  });

  test("L-34 a lease is looked up after a quorum was heard, and by its leader only", async () => {
    rig = new LessorRig(3);
    const told: bigint[] = [];
    rig.lessor.timeToLive(LEASE, false, (_code, _revision, bytes, offset, length) => {
      const body = bytes.subarray(offset, offset + length);
      told.push(LeaseTimeToLiveResponse.decode(body).TTL);
    });
    await rig.confirmRead();
    const { type, requestId } = await rig.leaseQuery();
    assert.equal(type, MainToApply.leaseTimeToLive);
    const response = LeaseTimeToLiveResponse.fromPartial({ ID: LEASE, TTL: 9n, grantedTTL: 10n });
    rig.result(requestId, 0, LeaseTimeToLiveResponse.encode(response).finish());
    await rig.until(() => told.length > 0, "the answer");
    assert.deepEqual(told, [9n]);

    rig.lessor.timeToLive(LEASE, false, rig.handler);
    await rig.confirmRead(() => rig.role({ leaderId: 2n, term: 5 }));
    assert.equal(await rig.answered(), `code ${ErrorCode.notLeader}`);
  });
});
