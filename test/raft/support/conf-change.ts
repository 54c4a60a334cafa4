import {
  type Configuration,
  changeOne,
  enterJoint,
  leaveJoint,
  type MemberChange,
} from "../../../src/raft-worker/core/configuration.js";
import type { MemberId } from "../../../src/raft-worker/core/entry.js";

const PREFIX = "conf ";
const KINDS: Readonly<Record<string, MemberChange["kind"]>> = {
  "+": "addVoter",
  "~": "addLearner",
  "-": "remove",
};

/** A configuration of these voters and nobody else. */
export function votersOnly(ids: readonly MemberId[]): Configuration {
  return { voters: [ids], learners: [], learnersNext: [] };
}

/**
 * Changes as text: "conf +4" adds a voter, "conf ~4" a learner, "conf -4" removes; several words are
 * a joint change, which "conf leave" ends.
 */
export const TEST_CODEC = {
  isConfChange: (payload: Uint8Array): boolean =>
    Buffer.from(payload.buffer, payload.byteOffset, payload.length).toString().startsWith(PREFIX),
  leaveJointPayload: Buffer.from(`${PREFIX}leave`),
};

/** What a store makes of an entry: the configuration after it, or undefined when it is no change. */
export function applyConfChange(
  configuration: Configuration,
  payload: Uint8Array,
): Configuration | undefined {
  if (!TEST_CODEC.isConfChange(payload)) return undefined;
  const words = Buffer.from(payload).toString().slice(PREFIX.length).split(" ");
  return changed(configuration, words) ?? configuration;
}

/** A configuration in one line: "1 2 3", "1 2 4 & 1 2 3 ~5". */
export function describeConfiguration(configuration: Configuration): string {
  const { voters, learners, learnersNext } = configuration;
  const groups = voters.map((group) => group.join(" ")).join(" & ");
  const others = [...learners.map((id) => `~${id}`), ...learnersNext.map((id) => `(~${id})`)];
  return [groups, ...others].join(" ");
}

function changed(
  configuration: Configuration,
  words: readonly string[],
): Configuration | undefined {
  if (words[0] === "leave") return leaveJoint(configuration);
  const changes = words.map((word) => ({
    kind: KINDS[word[0] ?? ""] ?? "remove",
    id: BigInt(word.slice(1)),
  }));
  const [only] = changes;
  return changes.length === 1 && only !== undefined
    ? changeOne(configuration, only)
    : enterJoint(configuration, changes);
}
