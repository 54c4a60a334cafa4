import { API_VERSION, CAPSTAN_VERSION } from "../../shared/version.js";
import type { FlagSpec } from "./flag-spec.js";
import { FLAG_GROUPS } from "./flag-table.js";

/** What `--version` says about the place it runs in. */
export interface RuntimeInfo {
  /** As in process.version. */
  readonly nodeVersion: string;
  readonly platform: string;
  readonly arch: string;
}

/** The short text: after a wrong flag, and on stderr beside the full help. */
export const USAGE = `Usage:

  capstan [flags]
    Start a member.

  capstan --version
    Show the versions.

  capstan -h | --help
    Show all flags.

  capstan --config-file PATH
    Take all settings from a file; other flags and environment variables are then ignored.

  capstan utl wal dump DIR
    Show the records of a write-ahead log.
`;

/** All flags by group, with default and meaning: what `--help` prints on stdout. */
export function helpText(): string {
  const groups = FLAG_GROUPS.map(({ title, flags }) => {
    return `${title}:\n${flags.map(flagText).join("")}`;
  });
  return `\n${groups.join("\n")}
Every flag can also be set by an environment variable: --data-dir by ETCD_DATA_DIR, and so on.
`;
}

/** The lines of `--version`: the etcd release whose API this is, then what this really is. */
export function versionText(runtime: RuntimeInfo): string {
  return `etcd Version: ${API_VERSION}
capstan Version: ${CAPSTAN_VERSION}
Node Version: ${runtime.nodeVersion}
OS/Arch: ${runtime.platform}/${ARCH_NAMES[runtime.arch] ?? runtime.arch}
`;
}

/** Node's names of architectures where they differ from those that etcd prints. */
const ARCH_NAMES: Readonly<Record<string, string>> = { x64: "amd64", ia32: "386" };

function flagText(spec: FlagSpec): string {
  const lines = [`  --${spec.name} '${spec.initial}'`, `    ${spec.help}`];
  if (spec.support.kind === "accepted") lines.push(`    No effect: ${spec.support.reason}.`);
  if (spec.support.kind === "refused") lines.push(`    Refused: ${spec.support.reason}.`);
  return `${lines.join("\n")}\n`;
}
