import { existsSync, readFileSync, statSync } from "node:fs";

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
