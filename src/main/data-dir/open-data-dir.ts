import type { Logger } from "../../shared/logger.js";
import { osErrorText } from "../config/os-error.js";
import { DataDirError } from "./data-dir-error.js";
import { lockDataDir } from "./data-dir-lock.js";
import { type DataDirPaths, dataDirPaths } from "./data-dir-paths.js";
import { makeDirectory, writeFileDurably } from "./durable-files.js";
import { formatVersionText } from "./format-version.js";
import { type DataDirInspection, inspectDataDir } from "./inspect-data-dir.js";

/** A data directory that this process may use until it releases it. */
export interface DataDir {
  readonly paths: DataDirPaths;
  /** It was made just now: the log and the store are empty. */
  readonly isNew: boolean;
  /** Lets another process in. The end of the process does the same. */
  release(): void;
}

/** Which directory, and where to say what is odd about it. */
export interface OpenDataDirOptions {
  readonly dataDir: string;
  /** Place of the log, undefined for the one inside. */
  readonly walDir: string | undefined;
  readonly logger: Logger;
  /** Why no member may be made here (its roster is wrong, say): asked before anything is written. */
  readonly newMemberFault?: () => Promise<string | undefined>;
  /** Wait for another process that uses the directory. Default ten seconds. */
  readonly lockTimeoutMs?: number;
}

const LOCK_TIMEOUT_MS_DEFAULT = 10_000;

/**
 * Checks a data directory, locks it, and makes what is missing. Nothing is written before the check has
 * passed. Throws DataDirError with the one line for the operator. Layout: DataDirPaths.
 */
export async function openDataDir(options: OpenDataDirOptions): Promise<DataDir> {
  const { logger, lockTimeoutMs = LOCK_TIMEOUT_MS_DEFAULT } = options;
  const paths = dataDirPaths(options.dataDir, options.walDir);
  const inspection = inspectDataDir(paths);
  warnAbout(paths, inspection, logger);
  const fault = inspection.state === "new" ? await options.newMemberFault?.() : undefined;
  if (fault !== undefined) throw new DataDirError(fault);
  guard(() => makeDirectory(paths.memberDir));
  const lock = await lockDataDir({ paths, logger, timeoutMs: lockTimeoutMs });
  try {
    // Another process may have made the directory, or filled it, before it let the lock go.
    const isNew = inspectDataDir(paths).state === "new";
    if (isNew) guard(() => create(paths));
    return { paths, isNew, release: lock.release };
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** VERSION comes last: with it, everything is there; without it, a restart begins again. */
function create(paths: DataDirPaths): void {
  makeDirectory(paths.walDir);
  makeDirectory(paths.storeDir);
  writeFileDurably(paths.versionFile, formatVersionText());
}

function warnAbout(paths: DataDirPaths, inspection: DataDirInspection, logger: Logger): void {
  for (const name of inspection.strangers) {
    const fields = { filename: name, "data-dir": paths.dataDir };
    logger.warn("found invalid file under data directory", fields);
  }
  if (inspection.openMode !== undefined) {
    logger.warn("data directory is open to other users", {
      "data-dir": paths.dataDir,
      mode: `0${inspection.openMode.toString(8)}`,
      recommended: "0700",
    });
  }
}

function guard(action: () => void): void {
  try {
    action();
  } catch (error) {
    throw new DataDirError(`cannot access data directory: ${osErrorText(error)}`, error);
  }
}
