/** What an answered call says about revisions. */
export interface RevisionRecord {
  readonly client: number;
  readonly invokedAt: number;
  readonly returnedAt: number;
  readonly revision: number;
  /** "write": it made the revision. "read": a linearizable one, that saw it. */
  readonly kind: "write" | "read";
}

/**
 * Holds the revisions of all keys together against real time, without a search: no two writes made the same
 * one; a write that was called after an answer is above that answer's revision, a linearizable read not
 * below it. Gives what is wrong, one line each; nothing when all is right.
 */
export function checkRevisions(records: readonly RevisionRecord[]): string[] {
  return [...doubleRevisions(records), ...backwardRevisions(records)];
}

function doubleRevisions(records: readonly RevisionRecord[]): string[] {
  const writers = new Map<number, RevisionRecord>();
  const wrong: string[] = [];
  for (const record of records) {
    if (record.kind !== "write") continue;
    const other = writers.get(record.revision);
    if (other === undefined) writers.set(record.revision, record);
    else wrong.push(`two writes made one revision: ${line(other)} and ${line(record)}`);
  }
  return wrong;
}

function backwardRevisions(records: readonly RevisionRecord[]): string[] {
  const calls = records.toSorted((a, b) => a.invokedAt - b.invokedAt);
  const returns = records.toSorted((a, b) => a.returnedAt - b.returnedAt);
  const wrong: string[] = [];
  let highest: RevisionRecord | undefined;
  let returned = 0;
  for (const record of calls) {
    for (; returned < returns.length; returned += 1) {
      const earlier = returns[returned];
      if (earlier === undefined || earlier.returnedAt >= record.invokedAt) break;
      if (highest === undefined || earlier.revision > highest.revision) highest = earlier;
    }
    if (highest === undefined) continue;
    const fits =
      record.kind === "write"
        ? record.revision > highest.revision
        : record.revision >= highest.revision;
    if (!fits) wrong.push(`revision went back: ${line(highest)}, then ${line(record)}`);
  }
  return wrong;
}

function line({ client, invokedAt, returnedAt, revision, kind }: RevisionRecord): string {
  return `${kind} of revision ${revision} by client ${client} [${invokedAt}, ${returnedAt}]`;
}
