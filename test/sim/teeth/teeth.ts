import type { Tooth } from "./tooth.js";

/** Mistakes that a server like this one could have. The simulator must find each of them. */
export const TEETH: readonly Tooth[] = [
  {
    name: "vote-answered-before-it-is-on-disk",
    file: "raft-worker/core/vote.js",
    find: "node.sendWhenPersisted(from, {",
    replace: "node.send(from, {",
  },
  {
    name: "two-votes-in-one-term",
    file: "raft-worker/core/vote.js",
    find: "const isFree = node.vote === NO_MEMBER && leaderId === undefined",
    replace: "const isFree = leaderId === undefined",
  },
  {
    name: "vote-for-a-shorter-log",
    file: "raft-worker/core/vote.js",
    find: "if (!mayVote || !node.log.isUpToDate(last)) {",
    replace: "if (!mayVote) {",
  },
  {
    name: "append-acknowledged-before-it-is-on-disk",
    file: "raft-worker/core/follower.js",
    find: 'node.sendWhenPersisted(from, { kind: "appendAccepted", term, matchIndex });',
    replace: 'node.send(from, { kind: "appendAccepted", term, matchIndex });',
  },
  {
    name: "earlier-term-committed-by-counting",
    file: "raft-worker/core/leader.js",
    find: "if (index <= log.commitIndex || log.termAt(index) !== node.term)",
    replace: "if (index <= log.commitIndex)",
  },
  {
    name: "read-index-without-a-quorum",
    file: "raft-worker/core/leader.js",
    find: 'if (voteResult(node.voters, answer) !== "won")',
    replace: 'if (voteResult(node.voters, answer) === "lost")',
  },
  {
    name: "read-index-of-a-leader-that-does-not-know-what-is-committed",
    file: "raft-worker/core/leader.js",
    find: "if (node.log.termAt(node.log.commitIndex) !== node.term)",
    replace: "if (node.log.commitIndex < 0)",
  },
  {
    name: "commit-index-beyond-what-the-follower-matched",
    file: "raft-worker/core/leader.js",
    find: "commitIndex: Math.min(node.log.commitIndex, progressOf(role, peer).matchIndex),",
    replace: "commitIndex: node.log.commitIndex,",
  },
  {
    name: "applied-before-it-is-on-this-disk",
    file: "raft-worker/core/effect-teller.js",
    find: "const commit = Math.min(node.log.commitIndex, node.log.persistedIndex);",
    replace: "const commit = node.log.commitIndex;",
  },
  {
    name: "campaign-before-a-committed-change-is-applied",
    file: "raft-worker/core/node.js",
    find: "return this.isVoter && !this.log.isConfigurationOutdated;",
    replace: "return this.isVoter;",
  },
  {
    name: "two-changes-of-the-membership-at-once",
    file: "raft-worker/core/proposals.js",
    find: "if (role.transfer !== undefined || node.log.hasUnconfiguredChange)",
    replace: "if (role.transfer !== undefined)",
  },
  {
    name: "learner-counted-in-the-quorum",
    file: "raft-worker/cluster-link.js",
    find: "voters: [members.filter(({ isLearner }) => !isLearner).map(({ ID }) => ID)],",
    replace: "voters: [members.map(({ ID }) => ID)],",
  },
  {
    name: "proposals-forwarded-twice",
    file: "raft-worker/core/follower.js",
    find: 'node.send(role.leaderId, { kind: "proposeRequest", term: node.term, payloads });',
    replace:
      'for (const _ of [1, 2]) node.send(role.leaderId, { kind: "proposeRequest", term: node.term, payloads });',
  },
  {
    name: "lease-ended-by-a-deposed-leader",
    file: "raft-worker/driver.js",
    find: "if (!isLessorsOwn(payload))",
    replace: "if (takeLeaderTerm(payload) >= 0)",
  },
  {
    name: "log-let-go-above-what-the-store-has-on-disk",
    file: "raft-worker/driver.js",
    find: "this.#ports.store.truncate({ wantedFrom, heldBefore });",
    replace:
      "const end = this.#apply.handedOver + 1; this.#ports.store.truncate({ wantedFrom: end, heldBefore: end });",
  },
  {
    name: "write-not-synced",
    file: "wal/segment-writer.js",
    find: "await file.writeDurably(chunks, this.#position);",
    replace: "await file.write(chunks, this.#position);",
  },
  {
    name: "torn-tail-accepted",
    file: "wal/frame.js",
    find: "if (found !== checksum)",
    replace: "if (found !== checksum && bodyBytes < 0)",
  },
  {
    name: "snapshot-without-a-new-log",
    file: "raft-worker/write-queue.js",
    find: "this.#snapshot = effect.snapshot;",
    replace: "",
  },
  {
    name: "applied-index-outside-the-transaction",
    file: "apply-worker/store-keeper.js",
    find: "appliedIndex: machine.appliedIndex,",
    replace: "appliedIndex: machine.appliedIndex + 1,",
  },
  {
    name: "read-before-its-index-is-applied",
    file: "main/frontend/read-gate.js",
    find: "if (index <= this.#appliedIndex())",
    replace: "if (index >= 0)",
  },
  {
    name: "watchers-not-told-of-a-snapshot",
    file: "main/frontend/frontend.js",
    find: "this.#listener?.onRestored(previousRevision);",
    replace: "",
  },
];
