import { dumpWal } from "../../wal/dump.js";
import { nodeDisk } from "../../wal/node-disk.js";

/** Where a command prints. */
export interface Output {
  readonly print: (text: string) => void;
  readonly printError: (text: string) => void;
}

/** Exit code of a command that was called wrongly, as etcdutl's. */
const EXIT_BAD_ARGUMENTS = 128;

const USAGE = `capstan utl: tools for a member's files

Usage:
  capstan utl wal dump DIR    Prints the write-ahead log of a member: segments, frames and entries, and the
                              first thing wrong with it. DIR is the log's folder, DATA-DIR/member/wal.
                              Only reads; works on the log of a running server too.
`;

/** Runs `capstan utl …`; gives the exit code. */
export async function runUtl(words: readonly string[], output: Output): Promise<number> {
  const [area, verb, directory, ...rest] = words;
  if (area === undefined || area === "help" || area === "--help" || area === "-h") {
    output.print(USAGE);
    return 0;
  }
  if (area === "wal" && verb === "dump" && directory !== undefined && rest.length === 0) {
    return dumpWal(nodeDisk, directory, (line) => output.print(`${line}\n`));
  }
  output.printError(`Error: unknown command "${words.join(" ")}" for "capstan utl"\n\n${USAGE}`);
  return EXIT_BAD_ARGUMENTS;
}
