import { existsSync, readFileSync, statSync } from "node:fs";

/** USER_HZ: the unit of the times in /proc/PID/stat, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** What a process has used since it started, and what it holds now. */
export interface ProcessUsage {
  /** User and system time of all threads; known to 10 ms. */
  readonly cpuUs: number;
  /**
   * Bytes of the pages that it dirtied. Where the file system keeps a file in large folios, one
   * changed byte counts as the whole folio, up to 1 MiB, though only the block that it is in gets
   * written.
   */
  readonly writeBytes: number;
  /** Resident memory, and the part of it that is not pages of files. */
  readonly rssBytes: number;
  readonly anonymousBytes: number;
}

/** Reads what a process uses from /proc. Throws when it is gone or another user's. */
export function readUsage(pid: number): ProcessUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
  // The second field is the program's name in parentheses, which may contain anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const status = readFileSync(`/proc/${pid}/status`, "latin1");
  const io = readFileSync(`/proc/${pid}/io`, "latin1");
  return {
    cpuUs: (ticks / TICKS_PER_SECOND) * 1_000_000,
    writeBytes: numberAfter(io, "write_bytes:"),
    rssBytes: numberAfter(status, "VmRSS:") * 1024,
    anonymousBytes: (numberAfter(status, "RssAnon:") + numberAfter(status, "RssShmem:")) * 1024,
  };
}

/** What several processes use together. */
export function sumUsage(usages: readonly ProcessUsage[]): ProcessUsage {
  const sum = (pick: (usage: ProcessUsage) => number): number =>
    usages.reduce((total, usage) => total + pick(usage), 0);
  return {
    cpuUs: sum(({ cpuUs }) => cpuUs),
    writeBytes: sum(({ writeBytes }) => writeBytes),
    rssBytes: sum(({ rssBytes }) => rssBytes),
    anonymousBytes: sum(({ anonymousBytes }) => anonymousBytes),
  };
}

function numberAfter(text: string, label: string): number {
  const line = text.split("\n").find((each) => each.startsWith(label)) ?? "";
  return Number.parseInt(line.slice(label.length), 10);
}

const SECTOR_BYTES = 512;

/**
 * Bytes written to the disk below a directory since the machine started, by whomever; undefined
 * where the file system has no such device (overlay, btrfs).
 */
export function readDeviceWriteBytes(directory: string): number | undefined {
  const { dev } = statSync(directory);
  const major = Math.floor(dev / 256) & 0xfff;
  const minor = (dev & 0xff) | (Math.floor(dev / 4096) & 0xfff00);
  const path = `/sys/dev/block/${major}:${minor}/stat`;
  if (!existsSync(path)) return undefined;
  // The seventh field is sectors written (the kernel's Documentation/block/stat).
  return Number(readFileSync(path, "latin1").trim().split(/\s+/)[6]) * SECTOR_BYTES;
}
