import type { Effect } from "../../../src/raft-worker/core/effects.js";
import type { Entry } from "../../../src/raft-worker/core/entry.js";
import type { Message } from "../../../src/raft-worker/core/messages.js";
import type { RaftStatus } from "../../../src/raft-worker/core/status.js";

/** An entry as "index/term:payload". */
export function describeEntry(entry: Entry): string {
  const payload = Buffer.from(entry.payload).toString();
  return `${entry.index}/${entry.term}${payload === "" ? "" : `:${payload}`}`;
}

/** A message in one line: its kind, then its fields in the order they are declared. */
export function describeMessage(message: Message): string {
  const fields: string[] = [];
  for (const [name, value] of Object.entries(message)) {
    if (name === "kind") continue;
    fields.push(`${name}=${describeField(name, value)}`);
  }
  return `${message.kind} ${fields.join(" ")}`;
}

/** An effect in one line. */
export function describeEffect(effect: Effect): string {
  switch (effect.kind) {
    case "persist": {
      const { term, vote, commit } = effect.hardState;
      const entries = effect.entries.map(describeEntry).join(" ");
      const { snapshot } = effect;
      const from = snapshot === undefined ? "" : ` after ${snapshot.index}/${snapshot.term}`;
      const state = `term=${term} vote=${vote} commit=${commit}`;
      return `persist #${effect.sequence} ${state}${from} [${entries}]`;
    }
    case "roleChanged":
      return `is ${effect.role} term=${effect.term} leader=${effect.leaderId ?? "none"}`;
    case "commit":
      return `commit up to ${effect.upTo}`;
    case "send": {
      const after = effect.after === 0 ? "" : ` (after #${effect.after})`;
      return `send to ${effect.to}: ${describeMessage(effect.message)}${after}`;
    }
    case "readReady":
      return `read ${effect.id} ready at ${effect.index}`;
    case "readRefused":
      return `read ${effect.id} refused`;
    case "proposalsRefused":
      return `${effect.payloads.length} proposals refused`;
    case "sendSnapshot":
      return `send a snapshot to ${effect.to}`;
  }
}

/** A member's state in one line. */
export function describeStatus(status: RaftStatus): string {
  const { role, term, vote, leaderId, commitIndex, persistedIndex, lastIndex } = status;
  return (
    `${role} term=${term} vote=${vote} leader=${leaderId ?? "none"} ` +
    `commit=${commitIndex} persisted=${persistedIndex} last=${lastIndex}`
  );
}

function describeField(name: string, value: unknown): string {
  // Drawn at random: meaningless in a script, and different with every change of the timeouts.
  if (name === "context") return "*";
  if (!Array.isArray(value)) return String(value);
  const items = value.map((item) =>
    item instanceof Uint8Array ? Buffer.from(item).toString() : describeEntry(item),
  );
  return `[${items.join(" ")}]`;
}
