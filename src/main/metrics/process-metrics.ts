import { readdirSync, readFileSync } from "node:fs";
import { collectDefaultMetrics, type Registry } from "prom-client";
import { copyCounter, copyGauge } from "./copied-metrics.js";

/** Where Linux tells a process about itself; elsewhere the numbers read there are 0. */
const PROC = "/proc/self";
const FD_SAMPLE_INTERVAL_MS = 600_000;

/** The `process_`, `nodejs_` and `os_fd_` families. docs/facts/metrics.md section 5. */
export function registerProcessMetrics(registry: Registry): void {
  collectDefaultMetrics({ register: registry });
  copyGauge(registry, {
    name: "process_virtual_memory_max_bytes",
    help: "Limit of virtual memory, in bytes.",
    read: () => readLimit("Max address space"),
  });
  copyCounter(registry, {
    name: "process_network_receive_bytes_total",
    help: "Bytes received over the network, by everything in this network namespace.",
    read: () => readIpOctets("InOctets"),
  });
  copyCounter(registry, {
    name: "process_network_transmit_bytes_total",
    help: "Bytes sent over the network, by everything in this network namespace.",
    read: () => readIpOctets("OutOctets"),
  });
  registerFileDescriptors(registry);
}

/** Soft limit of open files; 0 where it cannot be told. Bounds the connections that a port takes. */
export function openFilesLimit(): number {
  return readLimit("Max open files");
}

// etcd reads these two at start and every ten minutes; reading a directory of a hundred thousand
// descriptors is dear, so they are not read at every scrape here either.
function registerFileDescriptors(registry: Registry): void {
  let sampledMs = Number.NEGATIVE_INFINITY;
  let used = 0;
  copyGauge(registry, {
    name: "os_fd_used",
    help: "File descriptors in use, sampled every ten minutes.",
    read: () => {
      const nowMs = performance.now();
      if (nowMs - sampledMs >= FD_SAMPLE_INTERVAL_MS) {
        sampledMs = nowMs;
        used = countOpenFiles();
      }
      return used;
    },
  });
  copyGauge(registry, {
    name: "os_fd_limit",
    help: "Limit of file descriptors.",
    read: openFilesLimit,
  });
}

function countOpenFiles(): number {
  try {
    return readdirSync(`${PROC}/fd`).length;
  } catch {
    return 0;
  }
}

/** Go shows "no limit" as the largest 64-bit number, and so do the dashboards expect it. */
const UNLIMITED = 2 ** 64;

function readLimit(name: string): number {
  const soft = new RegExp(`^${name}\\s+(\\S+)`, "m").exec(readProc("limits"))?.[1];
  return soft === "unlimited" ? UNLIMITED : Number(soft ?? 0);
}

/** A counter of the IpExt table: a line of names, then a line of numbers. */
function readIpOctets(name: string): number {
  const [names, numbers] = readProc("net/netstat")
    .split("\n")
    .filter((line) => line.startsWith("IpExt:"))
    .map((line) => line.split(" "));
  const value = numbers?.[names?.indexOf(name) ?? -1];
  return Number(value ?? 0);
}

function readProc(file: string): string {
  try {
    return readFileSync(`${PROC}/${file}`, "utf8");
  } catch {
    return "";
  }
}
