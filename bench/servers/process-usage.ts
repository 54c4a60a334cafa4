import { readFileSync } from "node:fs";

/** USER_HZ: the unit of the times in /proc/PID/stat, the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100;

/** What a server has used since it started, and what it holds now. */
export interface ServerUsage {
  /** User and system time of all threads; known to 10 ms. */
  readonly cpuUs: number;
  /** Resident memory. */
  readonly rssBytes: number;
  /** The part of it that is not pages of files; where it is known. */
  readonly anonymousBytes?: number;
  /**
   * Bytes of the pages that it dirtied. Where the file system keeps a file in large folios, one
   * changed byte counts as the whole folio, up to 1 MiB, though only the block that it is in gets
   * written. Where it is known.
   */
  readonly writeBytes?: number;
}

/** Reads what a process uses from /proc. Throws when it is gone or another user's. */
export function readUsage(pid: number): ServerUsage {
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

/** What several servers use together; what is not known of all is not known. */
export function sumUsage(usages: readonly ServerUsage[]): ServerUsage {
  const sum = (pick: (usage: ServerUsage) => number | undefined): number =>
    usages.reduce((total, usage) => total + (pick(usage) ?? Number.NaN), 0);
  const writeBytes = sum((usage) => usage.writeBytes);
  const anonymousBytes = sum((usage) => usage.anonymousBytes);
  return {
    cpuUs: sum(({ cpuUs }) => cpuUs),
    rssBytes: sum(({ rssBytes }) => rssBytes),
    ...(Number.isNaN(writeBytes) ? {} : { writeBytes }),
    ...(Number.isNaN(anonymousBytes) ? {} : { anonymousBytes }),
  };
}

function numberAfter(text: string, label: string): number {
  const line = text.split("\n").find((each) => each.startsWith(label)) ?? "";
  return Number.parseInt(line.slice(label.length), 10);
}
