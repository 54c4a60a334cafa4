import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, join, relative } from "node:path";

/** Files that say who uses a directory, not what is in it. */
const LOCK_FILES = new Set(["LOCK", "lock.mdb"]);

/** Every file below a directory with size and SHA-256, lock files aside; empty when it is none. */
export function fingerprint(directory: string): Record<string, string> {
  const isDirectory = existsSync(directory) && statSync(directory).isDirectory();
  const files = isDirectory ? readdirSync(directory, { recursive: true, encoding: "utf8" }) : [];
  const found: Record<string, string> = {};
  for (const file of files.sort()) {
    const path = join(directory, file);
    if (!statSync(path).isFile() || LOCK_FILES.has(basename(path))) continue;
    const bytes = readFileSync(path);
    const hash = createHash("sha256").update(bytes).digest("hex");
    found[relative(directory, path)] = `${bytes.length} ${hash}`;
  }
  return found;
}
