import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { osErrorCode, osErrorText } from "../config/os-error.js";
import { DataDirError } from "./data-dir-error.js";
import type { DataDirPaths } from "./data-dir-paths.js";
import { DATA_FORMAT, parseFormatVersion } from "./format-version.js";

/** What is there: nothing (or a creation that a crash cut short), or a member of ours. */
export interface DataDirInspection {
  readonly state: "new" | "member";
  /** Names in the data directory that are none of ours: worth a warning. */
  readonly strangers: readonly string[];
  /** Permission bits of an existing data directory that others than its owner can enter. */
  readonly openMode: number | undefined;
}

/**
 * Looks at a data directory without touching it. Throws DataDirError when it must not be used: not a
 * directory, unreadable, a newer format, another program's data, or a member with a part missing.
 */
export function inspectDataDir(paths: DataDirPaths): DataDirInspection {
  const entries = list(paths.dataDir);
  const mode = entries === undefined ? 0o700 : statSync(paths.dataDir).mode & 0o777;
  const strangers = (entries ?? []).filter((name) => name !== "member" && name !== "lost+found");
  const openMode = (mode & 0o077) === 0 ? undefined : mode;
  const state = memberState(paths);
  return { state, strangers, openMode };
}

function memberState(paths: DataDirPaths): "new" | "member" {
  const member = list(paths.memberDir) ?? [];
  if (!member.includes("VERSION")) {
    refuseForeign(paths, member);
    return "new";
  }
  checkVersion(paths);
  for (const dir of [paths.walDir, paths.storeDir]) {
    // VERSION is written after both: a part that is gone was lost (or its disk is not mounted).
    if (list(dir) === undefined) {
      const what = `data directory ${paths.dataDir} holds a member, but ${dir} is missing`;
      throw new DataDirError(`${what}: is its disk mounted, is --wal-dir the same as before?`);
    }
  }
  return "member";
}

function checkVersion(paths: DataDirPaths): void {
  const version = parseFormatVersion(readText(paths.versionFile));
  if (version.kind === "too-new") {
    const found = `on-disk format ${version.format}, written by capstan ${version.writtenBy}`;
    throw new DataDirError(
      `data directory ${paths.dataDir} has ${found}; this version reads up to format ${DATA_FORMAT}`,
    );
  }
  if (version.kind === "damaged") {
    throw new DataDirError(
      `data directory is damaged: ${paths.versionFile} is not readable as such`,
    );
  }
}

/** Without VERSION only the traces of a creation that did not finish are ours. */
function refuseForeign(paths: DataDirPaths, member: readonly string[]): void {
  const inner = join(paths.memberDir, "wal");
  const hasEtcdLog = (member.includes("wal") && list(inner)?.some(isEtcdSegment)) === true;
  if (member.includes("snap") || hasEtcdLog) {
    const hint = "move its data with etcdctl snapshot save, or choose another --data-dir";
    throw new DataDirError(`data directory ${paths.dataDir} belongs to etcd: ${hint}`);
  }
  const unknown = member.filter(
    (name) => !["wal", "store", "snap", "LOCK", "VERSION.tmp"].includes(name),
  );
  const filled = [paths.walDir, paths.storeDir].filter((dir) => (list(dir) ?? []).length > 0);
  const [first] = [...unknown.map((name) => join(paths.memberDir, name)), ...filled];
  if (first !== undefined) {
    const what = `data directory ${paths.dataDir} has no VERSION file, but there is ${first}`;
    throw new DataDirError(`${what}: this is not the data of a capstan member`);
  }
}

function isEtcdSegment(name: string): boolean {
  return /^[0-9a-f]{16}-[0-9a-f]{16}\.wal$/.test(name);
}

/** The names in a directory, or undefined when it does not exist. */
function list(dir: string): readonly string[] | undefined {
  try {
    return readdirSync(dir);
  } catch (error) {
    if (osErrorCode(error) === "ENOENT") return undefined;
    throw new DataDirError(`cannot access data directory: ${osErrorText(error)}`, error);
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw new DataDirError(`cannot access data directory: ${osErrorText(error)}`, error);
  }
}
