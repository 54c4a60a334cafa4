import { join } from "node:path";

/**
 * Where things are:
 *
 *     <data-dir>/member/VERSION   on-disk format (see format-version.ts); written last
 *     <data-dir>/member/LOCK      locked by the running server; holds its process id
 *     <data-dir>/member/wal/      the log, unless --wal-dir moves it
 *     <data-dir>/member/store/    LMDB
 *     <data-dir>/member/snap/     stores that other members send, until they are taken over
 */
export interface DataDirPaths {
  readonly dataDir: string;
  readonly memberDir: string;
  readonly versionFile: string;
  readonly lockFile: string;
  readonly walDir: string;
  readonly storeDir: string;
  readonly snapDir: string;
}

/** The paths of a member whose log may have a place of its own. */
export function dataDirPaths(dataDir: string, walDir: string | undefined): DataDirPaths {
  const memberDir = join(dataDir, "member");
  return {
    dataDir,
    memberDir,
    versionFile: join(memberDir, "VERSION"),
    lockFile: join(memberDir, "LOCK"),
    walDir: walDir ?? join(memberDir, "wal"),
    storeDir: join(memberDir, "store"),
    snapDir: join(memberDir, "snap"),
  };
}
