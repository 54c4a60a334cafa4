import { readFileSync } from "node:fs";

/** Resident memory of a process in MiB. */
export interface Memory {
  /** All of it, mapped files included: the kernel may drop those at any moment. */
  readonly residentMiB: number;
  /** Without mapped files: heap, buffers, shared memory. */
  readonly ownMiB: number;
}

/** The memory of a process now (Linux: /proc). */
export function memoryOf(pid: number): Memory {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const mib = (name: string): number =>
    Math.round(Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1]) / 1024);
  return { residentMiB: mib("VmRSS"), ownMiB: mib("RssAnon") + mib("RssShmem") };
}

/** The same as words for a diagnostic line. */
export function memoryLine(pid: number): string {
  const { residentMiB, ownMiB } = memoryOf(pid);
  return `resident ${residentMiB} MiB, of it ${ownMiB} MiB without mapped files`;
}
