/**
 * Writes checkpoints of a megabyte each into the store of argv[2] until one fails (the shell that started
 * this limits the size of files), then one more that fails too; prints what happened as JSON.
 */
import { StoreWriter } from "../../../src/apply-worker/store/store-writer.js";
import { ChangeModel, checkpointOf, finish } from "./model.js";

const model = new ChangeModel();
for (let index = 0; index < 100; index++) {
  const value = Buffer.alloc(200_000, index);
  model.apply([{ kind: "put", key: Buffer.from(`key-${index}`), value, lease: 0n }]);
}
const store = StoreWriter.open(process.argv[2] ?? "");
const errors: string[] = [];
let written = 0;
while (errors.length < 2 && written < 100) {
  const input = checkpointOf(model.changes, { from: written, to: written + 5 });
  try {
    await finish(store.startCheckpoint(input));
    written += 5;
  } catch (error) {
    errors.push(String(error));
  }
}
store.reader.refresh();
const { revision } = store.reader;
const bytes = store.reader.keyValue({ main: revision, sub: 0 }).length;
await store.close();
process.stdout.write(JSON.stringify({ written, errors, revision, bytes }));
