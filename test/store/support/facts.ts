import type { LmdbBaseReader } from "../../../src/shared/mvcc/base/lmdb-base-reader.js";

/** Everything that a reader says, as strings: two stores are the same if their facts are. */
export function* factsOf(reader: LmdbBaseReader): Generator<string> {
  const { snapshot } = reader;
  const { stateHash, ...state } = snapshot.state;
  yield `${JSON.stringify(state)} ${stateHash}`;
  const facts: string[] = [];
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  snapshot.visitKeys(new Uint8Array(0), undefined, (key, record) => {
    const { revisions, createRevision, version, lease } = record;
    facts.push(
      `key ${hex(key)} ${JSON.stringify(revisions)} ${createRevision} ${version} ${lease}`,
    );
    for (let at = 1; at <= reader.revision; at += 7) {
      const found = snapshot.keyRevisionAt(key, record, at);
      facts.push(`at ${hex(key)} ${at} ${JSON.stringify(found ?? null)}`);
    }
    return true;
  });
  snapshot.visitChanges({ main: 0, sub: 0 }, reader.revision, (change) => {
    facts.push(`change ${change.main} ${change.sub} ${change.tombstone} ${hex(change.keyValue)}`);
    return true;
  });
  snapshot.visitLeaseKeys(undefined, (lease, key) => facts.push(`lease ${lease} ${hex(key)}`));
  snapshot.visitLeases((id, lease) => facts.push(`lease ${id} ${hex(lease)}`));
  snapshot.visitMembers((id, member) => facts.push(`member ${id} ${hex(member)}`));
  snapshot.visitRemovedMembers((id) => facts.push(`removed ${id}`));
  snapshot.visitAlarms((id, alarm) => facts.push(`alarm ${id} ${alarm}`));
  yield* facts;
}
