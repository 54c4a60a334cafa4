import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Runs `use` with a fresh directory, removed afterwards. */
export async function withTempDirectory<T>(use: (directory: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), "capstan-store-"));
  try {
    return await use(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Multiplies run counts by CAPSTAN_TEST_SCALE. */
export function scaled(count: number): number {
  const { CAPSTAN_TEST_SCALE: scale = "1" } = process.env;
  return Math.ceil(count * Number(scale));
}
