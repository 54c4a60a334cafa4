import { createWal, type OpenedWal, openWal, type WalOptions } from "../../../src/wal/open-wal.js";
import type { LogEntry, WalBatch, WalMetadata } from "../../../src/wal/types.js";
import type { Wal } from "../../../src/wal/wal.js";
import { Random } from "../../support/random.js";
import { SimDisk } from "./sim-disk.js";

/** Where the simulated log lives, and whose it is. */
export const DIRECTORY = "/data/wal";
export const METADATA: WalMetadata = { clusterId: 0xc0ffeen, memberId: 0x8e9e05c52164694dn };

/** Options over a simulated disk with small segments; salts are counted from the seed. */
export function simOptions(disk: SimDisk, extra: Partial<WalOptions> = {}): WalOptions {
  return {
    disk: disk.attach(),
    directory: DIRECTORY,
    drawSalt: countingSalt(),
    segmentBytes: 2048,
    allocationBytes: 512,
    ...extra,
  };
}

let salts = 0n;

/** Salts that never repeat within a test process, as drawn ones never do. */
export function countingSalt(): () => bigint {
  return () => {
    salts += 1n;
    return salts * 0x9e3779b97f4a7c15n;
  };
}

/** A new log on a new disk. */
export async function newLog(
  extra: Partial<WalOptions> = {},
): Promise<{ disk: SimDisk; options: WalOptions; wal: Wal }> {
  const disk = new SimDisk();
  const options = simOptions(disk, extra);
  return { disk, options, wal: await createWal(options, METADATA) };
}

/** Opens what is on the disk, as the next process would. */
export function reopen(disk: SimDisk, extra: Partial<WalOptions> = {}): Promise<OpenedWal> {
  disk.kill();
  return openWal(simOptions(disk, extra));
}

/** `count` entries from `first`, of one term, with payloads that tell them apart. */
export function entriesFrom(
  first: number,
  count: number,
  options: { term?: number; payloadBytes?: number } = {},
): LogEntry[] {
  const term = options.term ?? 1;
  return Array.from({ length: count }, (_, i) => {
    const text = `entry ${first + i} of term ${term} `;
    const payload = Buffer.from(text.padEnd(options.payloadBytes ?? 0, "."));
    return { index: first + i, term, payload };
  });
}

/** A synced batch of these entries. */
export function batchOf(entries: readonly LogEntry[], extra: Partial<WalBatch> = {}): WalBatch {
  return { entries, sync: true, ...extra };
}

/** A generator for a seed; all randomness of a test comes from it. */
export function randomOf(seed: number): Random {
  return new Random(seed);
}

/** Multiplies run counts: CAPSTAN_TEST_SCALE. */
export function scaled(runs: number): number {
  return Math.max(1, Math.round(runs * Number(process.env.CAPSTAN_TEST_SCALE ?? 1)));
}
