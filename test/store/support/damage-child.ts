/**
 * Opens the store of argv[2] and prints every fact that can be read from it, one per line, then "complete".
 * A StoreCorruptError ends it with exit code 3 and one line on stderr.
 */
import { StoreWriter } from "../../../src/apply-worker/store/store-writer.js";
import { StoreCorruptError } from "../../../src/shared/mvcc/types.js";
import { factsOf } from "./facts.js";

const directory = process.argv[2] ?? "";
try {
  const store = StoreWriter.open(directory);
  for (const fact of factsOf(store.reader)) process.stdout.write(`${fact}\n`);
  process.stdout.write("complete\n");
} catch (error) {
  if (!(error instanceof StoreCorruptError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 3;
}
