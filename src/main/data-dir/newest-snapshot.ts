import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { InstalledSnapshot } from "../../shared/control/raft-control.js";

/** index, then term, 16 hex digits each: the name says what the file stands for. */
const NAME = /^([0-9a-f]{16})-([0-9a-f]{16})\.snapshot$/;

/**
 * The newest complete snapshot that was received and may not have been taken over before the process ended;
 * undefined when there is none.
 */
export function newestSnapshot(directory: string): InstalledSnapshot | undefined {
  const newest = names(directory).sort().at(-1);
  const [, index, term] = NAME.exec(newest ?? "") ?? [];
  if (newest === undefined || index === undefined || term === undefined) return undefined;
  const place = { index: Number.parseInt(index, 16), term: Number.parseInt(term, 16) };
  return { path: join(directory, newest), ...place };
}

function names(directory: string): string[] {
  try {
    return readdirSync(directory).filter((name) => NAME.test(name));
  } catch (error) {
    // It is made when the first snapshot comes.
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return [];
    throw error;
  }
}
