import {
  DeleteRangeResponse,
  PutResponse,
  RangeResponse,
  TxnResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { plain } from "../../differential/normalise.js";
import type { CommandResult } from "./etcdctl.js";

/** Texts of one server (its ids and addresses) and the words that stand for them. */
export type Names = ReadonlyMap<string, string>;

const DURATION = "[\\d.]+(?:ms|µs|s)";
const BYTES = "[\\d.]+ [kMG]?B";

/** What each server has of its own or what depends on the moment, by how it is printed. */
const OWN_PARTS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/("(?:cluster_id|member_id|leader|ClusterID|MemberID|Leader)" ?: ?)\d+/g, "$1ID"],
  [/("(?:raft_term|raftTerm|RaftTerm)" ?: ?)\d+/g, "$1TERM"],
  [/("(?:raftIndex|raftAppliedIndex|RaftIndex|RaftAppliedIndex)" ?: ?)\d+/g, "$1INDEX"],
  [/("(?:dbSize|dbSizeInUse|DBSize|DBSizeInUse)" ?: ?)\d+/g, "$1SIZE"],
  [/("(?:version|Version)" ?: ?)"3\.\d+\.\d+"/g, '$1"VERSION"'],
  [new RegExp(`("took":"|"Took" : |took = )${DURATION}`, "g"), "$1TIME"],
  // What is left of a lease.
  [/remaining\(\d+s\)/g, "remaining(LEFT)"],
  [/("(?:ttl|TTL)" ?: ?)\d+(?=\D+(?:granted-ttl|GrantedTTL))/g, "$1LEFT"],
  // Endpoint status as a line and as a row: version, size, leads, learns, term, two indexes.
  [
    new RegExp(`(, )3\\.\\d+\\.\\d+, ${BYTES}((?:, (?:true|false)){2}), \\d+, \\d+, \\d+`, "g"),
    "$1VERSION, SIZE$2, TERM, INDEX, INDEX",
  ],
];

/** The same in tables, whose columns are as wide as what they hold: blanks and rules are made one. */
const TABLE_PARTS: readonly (readonly [pattern: RegExp, name: string])[] = [
  [/─+/g, "─"],
  [/ +/g, " "],
  [new RegExp(`│ ${DURATION} │`, "g"), "│ TIME │"],
  [
    new RegExp(
      `│ 3\\.\\d+\\.\\d+ │ ${BYTES}((?: │ (?:true|false)){2}) │ \\d+ │ \\d+ │ \\d+ │`,
      "g",
    ),
    "│ VERSION │ SIZE$1 │ TERM │ INDEX │ INDEX │",
  ],
];

/** A line that etcdctl's own logger wrote to stderr: it names addresses and times. */
const LOG_LINE = /^\{"level":.*\n/gm;

/** A result as it must be the same from two servers; standard output may be shown in another way. */
export function comparableResult(
  { code, stdout, stderr }: CommandResult,
  names: Names,
  show: (stdout: string) => string = asText,
): object {
  return {
    code,
    stdout: comparableText(show(stdout), names),
    stderr: comparableText(asText(stderr).replace(LOG_LINE, ""), names),
  };
}

/** Bytes in latin1 as the UTF-8 text that they are. */
function asText(latin1: string): string {
  return Buffer.from(latin1, "latin1").toString("utf8");
}

function comparableText(text: string, names: Names): string {
  let result = text;
  for (const [own, name] of names) result = result.replaceAll(own, name);
  const parts = result.includes("│") ? [...OWN_PARTS, ...TABLE_PARTS] : OWN_PARTS;
  for (const [pattern, name] of parts) result = result.replace(pattern, name);
  return result;
}

interface Decoder {
  decode(bytes: Uint8Array): unknown;
}

const DECODERS: Readonly<Record<string, Decoder | undefined>> = {
  get: RangeResponse,
  put: PutResponse,
  del: DeleteRangeResponse,
  txn: TxnResponse,
};

/** How the protobuf output of a command is shown, if it has one: decoded, ids and terms left out. */
export function protobufShown(command: string): ((stdout: string) => string) | undefined {
  const decoder = DECODERS[command];
  if (decoder === undefined) return undefined;
  return (stdout) => JSON.stringify(plain(decoder.decode(Buffer.from(stdout, "latin1"))));
}
