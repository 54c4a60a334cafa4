import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

/**
 * Collects all garbage of this thread. When it would go otherwise differs from one Node version to the next. The
 * memory of buffers is given back by another thread: collect again until a count is what is expected.
 */
export function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  runInNewContext("gc")();
}
