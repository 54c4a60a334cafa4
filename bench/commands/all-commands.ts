import type { Command } from "./command.js";
import { K8S } from "./k8s.js";
import { LEASE_KEEPALIVE } from "./lease.js";
import { PUT } from "./put.js";
import { RANGE } from "./range.js";
import { STM } from "./stm.js";
import { FILL, TXN_K8S, TXN_MIXED, TXN_PUT } from "./txn.js";
import { WATCH, WATCH_GET, WATCH_LATENCY } from "./watch.js";

/** All subcommands, in the order in which help lists them. */
export const COMMANDS: readonly Command[] = [
  PUT,
  RANGE,
  TXN_PUT,
  TXN_MIXED,
  WATCH,
  WATCH_GET,
  WATCH_LATENCY,
  LEASE_KEEPALIVE,
  STM,
  K8S,
  TXN_K8S,
  FILL,
];
