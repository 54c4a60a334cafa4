import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as delay } from "node:timers/promises";
import { formatMs } from "../../shared/duration.js";
import type { Logger } from "../../shared/logger.js";
import { osErrorText } from "../config/os-error.js";
import { DataDirError } from "./data-dir-error.js";
import type { DataDirPaths } from "./data-dir-paths.js";

/** The part of fs-native-extensions that is used here; the package brings no types. */
interface FsNativeExtensions {
  /** Takes an exclusive lock on the open, writable file; false while another holds it. */
  tryLock(fd: number): boolean;
}

const { tryLock }: FsNativeExtensions = createRequire(import.meta.url)("fs-native-extensions");

/** The lock while this process holds it. It ends with release or with the process, however that ends. */
export interface DataDirLock {
  release(): void;
}

/** How long to wait for another process, and where to say so. */
export interface LockOptions {
  readonly paths: DataDirPaths;
  readonly logger: Logger;
  readonly timeoutMs: number;
}

/** Wait after which the operator is told what the start is waiting for. */
const ANNOUNCE_AFTER_MS = 1000;
const POLL_MS = 50;

/**
 * Takes the lock of a data directory: an exclusive lock of the open file description (fcntl
 * F_OFD_SETLK), which the kernel drops when the process dies. Waits for another holder up to the
 * timeout, says so after a second, then throws DataDirError.
 */
export async function lockDataDir(options: LockOptions): Promise<DataDirLock> {
  const { paths, logger, timeoutMs } = options;
  const fd = open(paths);
  const startMs = performance.now();
  let announced = false;
  try {
    while (!tryLock(fd)) {
      const waitedMs = performance.now() - startMs;
      if (waitedMs >= timeoutMs) throw new DataDirError(inUse(paths, timeoutMs));
      if (!announced && waitedMs >= Math.min(ANNOUNCE_AFTER_MS, timeoutMs / 2)) {
        announced = true;
        logger.warn("waiting for the lock of the data directory", {
          "data-dir": paths.dataDir,
          "holder-pid": holderPid(paths),
          timeout: formatMs(timeoutMs),
        });
      }
      await delay(POLL_MS);
    }
    ftruncateSync(fd);
    writeSync(fd, `${process.pid}\n`, 0);
  } catch (error) {
    closeSync(fd);
    if (error instanceof DataDirError) throw error;
    throw new DataDirError(`cannot lock data directory: ${osErrorText(error)}`, error);
  }
  return { release: () => closeSync(fd) };
}

function open(paths: DataDirPaths): number {
  try {
    // "a+" creates the file without emptying it: the holder's id must stay readable.
    return openSync(paths.lockFile, "a+", 0o600);
  } catch (error) {
    throw new DataDirError(`cannot access data directory: ${osErrorText(error)}`, error);
  }
}

function inUse(paths: DataDirPaths, timeoutMs: number): string {
  const holder = holderPid(paths);
  const who = holder === undefined ? "another process" : `another process (pid ${holder})`;
  return `data directory ${paths.dataDir} is in use by ${who}: gave up after ${formatMs(timeoutMs)}`;
}

/** The process that says it holds the lock: for the operator's eyes only. */
function holderPid(paths: DataDirPaths): number | undefined {
  const pid = Number.parseInt(readFileSync(paths.lockFile, "utf8"), 10);
  return Number.isNaN(pid) ? undefined : pid;
}
