import { closeSync, openSync, readSync } from "node:fs";
import { FRAME_HEADER_BYTES, SnapshotError, type SnapshotHeader } from "./snapshot-format.js";
import { SnapshotVerifier, type VerifiedRows } from "./snapshot-verifier.js";

/** Read in one go: a few milliseconds of verifying. */
const READ_BYTES = 256 * 1024;
const HEADER_READ_BYTES = FRAME_HEADER_BYTES + 40;

/** What a file says that it is a snapshot of. Its rows are not looked at. */
export function readSnapshotHeader(path: string, clusterId: bigint): SnapshotHeader {
  const verifier = new SnapshotVerifier(clusterId);
  const handle = openSync(path, "r");
  try {
    const bytes = Buffer.alloc(HEADER_READ_BYTES);
    const count = readSync(handle, bytes, 0, bytes.length, 0);
    verifier.push(bytes.subarray(0, count));
  } finally {
    closeSync(handle);
  }
  if (verifier.header === undefined) throw new SnapshotError("snapshot without a header");
  return verifier.header;
}

/**
 * The rows of a snapshot file, verified once more, in short steps: a step may give nothing. The last step
 * throws a SnapshotError when the file is not complete: whoever used the rows takes them back then.
 */
export function* snapshotRows(
  path: string,
  clusterId: bigint,
): Generator<readonly VerifiedRows[], SnapshotHeader, undefined> {
  let frames: VerifiedRows[] = [];
  const verifier = new SnapshotVerifier(clusterId, (frame) => void frames.push(frame));
  const handle = openSync(path, "r");
  try {
    for (;;) {
      const bytes = Buffer.allocUnsafe(READ_BYTES);
      const count = readSync(handle, bytes, 0, bytes.length, null);
      if (count === 0) return verifier.finish();
      verifier.push(bytes.subarray(0, count));
      yield frames;
      frames = [];
    }
  } finally {
    closeSync(handle);
  }
}
