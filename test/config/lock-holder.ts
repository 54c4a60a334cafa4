/** A second process for data-dir.test.ts: opens the data directory of its argument and says how it went. */
import { openDataDir } from "../../src/main/data-dir/open-data-dir.js";
import { createRecordLogger } from "../../src/shared/logger.js";

const [dataDir = "", timeoutMs = "0"] = process.argv.slice(2);
const say = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`);
const logger = createRecordLogger({ level: "info", nowUs: () => 0, emit: say });

try {
  const opened = await openDataDir({
    dataDir,
    walDir: undefined,
    logger,
    lockTimeoutMs: Number(timeoutMs),
  });
  say({ opened: opened.isNew });
  process.stdin.resume();
} catch (error) {
  say({ failed: error instanceof Error ? error.message : String(error) });
  process.exitCode = 1;
}
