/**
 * The load generator: `capstan bench COMMAND [FLAGS]`, or `node dist/bench/main.js …`.
 * See bench/README.md for what is measured and how to read it.
 */
import { realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { COMMANDS } from "./commands/all-commands.js";
import { Flags, flagsHelp, reportFailure, UsageError } from "./commands/flags.js";
import { COMMON_FLAGS, runCommand } from "./commands/run-command.js";
import { table } from "./report/table.js";

const USAGE = `capstan bench: a load generator for etcd's API

Usage:
  capstan bench COMMAND [FLAGS]
  capstan bench COMMAND --help    shows all flags

Commands:
${table(
  COMMANDS.map(({ name, help }) => [`  ${name}`, help]),
  2,
)}
`;

/** Runs `capstan bench …`; gives the exit code: 1 when a call failed, 2 for a wrong command line. */
export async function runBench(words: readonly string[]): Promise<number> {
  const [name, ...args] = words;
  try {
    if (name === undefined || ["help", "--help", "-h"].includes(name)) {
      console.log(USAGE);
      return 0;
    }
    const command = COMMANDS.find((each) => each.name === name);
    if (command === undefined) throw new UsageError(`no such command: ${name}`);
    const flags = new Flags(args, { ...COMMON_FLAGS, ...command.flags }, command.words?.max ?? 0);
    if (!flags.isSet("help")) return await runCommand(command, flags);
    const { text = "" } = command.words ?? {};
    console.log(`capstan bench ${name} ${text} [FLAGS]: ${command.help}\n`);
    console.log(`${flagsHelp(command.flags)}\n\nof all commands:\n${flagsHelp(COMMON_FLAGS)}`);
    return 0;
  } catch (error) {
    return reportFailure(error);
  }
}

// As a program of its own, not when the server's program brought it in.
if (realpathSync(process.argv[1] ?? "") === fileURLToPath(import.meta.url)) {
  process.exitCode = await runBench(process.argv.slice(2));
}
