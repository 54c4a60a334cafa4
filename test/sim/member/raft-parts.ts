import { configurationOf } from "../../../src/raft-worker/cluster-link.js";
import type { Raft } from "../../../src/raft-worker/core/raft.js";
import { RaftDriver } from "../../../src/raft-worker/driver.js";
import { WalLogStore } from "../../../src/raft-worker/log-store.js";
import type { OpenedLog } from "../../../src/raft-worker/open-log.js";
import { D14_SECONDS, SharedHistogram } from "../../../src/shared/histogram.js";
import { isConfChangePayload } from "../../../src/shared/messages/conf-change.js";
import type { Membership } from "../../../src/shared/messages/membership.js";
import type { StatusBoard } from "../../../src/shared/status-board.js";
import { SimFailure } from "../world/failure.js";
import { CheckedRaft } from "./checked-raft.js";
import { CheckedLogStore } from "./checked-store.js";
import type { MemberSite } from "./member-site.js";
import type { ProcessRings } from "./process-rings.js";
import type { SimPeers } from "./sim-peers.js";
import { ELECTION_TICKS } from "./timing.js";

/** What the Raft worker of a simulated process is made of. */
export interface RaftPartsOptions {
  readonly site: MemberSite;
  readonly opened: OpenedLog;
  readonly rings: ProcessRings;
  readonly board: StatusBoard;
  readonly peers: SimPeers;
  readonly membership: Membership;
  readonly origin: bigint;
  readonly nowMs: () => number;
  readonly fatal: (error: unknown) => void;
  readonly wake: () => void;
}

/** The real core and driver, over the real WAL. */
export function makeRaft(options: RaftPartsOptions): {
  readonly raft: Raft;
  readonly driver: RaftDriver;
} {
  const { site, opened, rings, board, membership, wake } = options;
  const { id, random, checks } = site;
  const raft = new CheckedRaft(
    {
      id,
      configuration: configurationOf(membership),
      configuredIndex: membership.index,
      isConfChange: isConfChangePayload,
      leaveJointPayload: new Uint8Array(0),
      settings: site.raftSettings,
      random: { below: (limit) => random.integer(0, limit - 1) },
      hardState: opened.hardState,
      log: opened.log,
      appliedIndex: membership.index,
    },
    (core, event, effects) => checks.stepped(id, { raft: core, event, effects }),
  );
  const wal = new WalLogStore({
    wal: opened.wal,
    board,
    syncSeconds: new SharedHistogram(D14_SECONDS),
    nowMs: options.nowMs,
    fatal: options.fatal,
  });
  const driver = new RaftDriver(
    raft,
    {
      store: new CheckedLogStore(wal, (batch) => checks.durable(id, batch)),
      frontends: [{ input: rings.mainToRaft.reader, output: rings.raftToMain.writer }],
      apply: { input: rings.applyToRaft.reader, output: rings.raftToApply.writer },
      peers: options.peers,
      board,
      wake,
      onDiffering: (member, index) => {
        options.fatal(
          new SimFailure("members hold the same", `member ${member} differs at ${index}`),
        );
      },
      onRemoved: site.onRemoved,
    },
    {
      memberId: id,
      origin: options.origin,
      electionTicks: ELECTION_TICKS,
      requestTicks: 7 * ELECTION_TICKS,
      membership,
      expected: [],
    },
  );
  return { raft, driver };
}
