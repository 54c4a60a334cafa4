import { environmentName, type FlagGroup, type FlagSpec } from "./flag-spec.js";
import { CLUSTER_FLAGS } from "./flags/cluster-flags.js";
import { ALIAS_FLAGS, IGNORED_FLAGS } from "./flags/legacy-flags.js";
import { MEMBER_FLAGS } from "./flags/member-flags.js";
import {
  GENERAL_FLAGS,
  LOGGING_FLAGS,
  MONITORING_FLAGS,
  STORE_FLAGS,
  TRACING_FLAGS,
} from "./flags/operation-flags.js";
import { AUTH_FLAGS, SECURITY_FLAGS } from "./flags/security-flags.js";

/** The flags in the order and groups of --help, without the legacy names. */
export const FLAG_GROUPS: readonly FlagGroup[] = [
  MEMBER_FLAGS,
  CLUSTER_FLAGS,
  SECURITY_FLAGS,
  AUTH_FLAGS,
  MONITORING_FLAGS,
  LOGGING_FLAGS,
  STORE_FLAGS,
  TRACING_FLAGS,
  GENERAL_FLAGS,
];

/** Every flag that the command line knows, legacy names included. */
export const FLAGS: readonly FlagSpec[] = [
  ...FLAG_GROUPS.flatMap((group) => group.flags),
  ...ALIAS_FLAGS,
  ...IGNORED_FLAGS,
];

/** By name, without dashes. */
export const FLAG_BY_NAME: ReadonlyMap<string, FlagSpec> = new Map(
  FLAGS.map((spec) => [spec.name, spec]),
);

/** By environment variable. `--version` has none: ETCD_VERSION is left over in some images. */
export const FLAG_BY_VARIABLE: ReadonlyMap<string, FlagSpec> = new Map(
  FLAGS.filter((spec) => spec.name !== "version").map((spec) => [environmentName(spec.name), spec]),
);
