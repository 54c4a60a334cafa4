import { RangeRequest } from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { KeyValue } from "../../../src/shared/gen/mvccpb/kv.js";
import { keyBounds } from "../../../src/shared/mvcc/range-bounds.js";
import { bytes, text } from "./keys.js";
import { World } from "./world.js";

/** A store of one thread with latin1 keys and values: a transaction per call. */
export class Store {
  readonly world = new World(1);
  readonly space = this.world.space;
  readonly view = this.world.space.view;

  put(key: string, value = "", lease = 0n): void {
    this.space.begin(this.view.revision + 1);
    this.space.put(bytes(key), bytes(value), lease);
    this.space.end();
  }

  delete(key: string, end = ""): number {
    this.space.begin(this.view.revision + 1);
    this.space.deleteRange(keyBounds(bytes(key), bytes(end)));
    return this.space.end();
  }

  /** Moves everything into the base. */
  checkpoint(): void {
    this.world.checkpointBegin();
    this.world.checkpointCommit();
  }
}

/** A range request with latin1 key and range_end. */
export function rangeRequest(
  key: string,
  rangeEnd: string,
  rest: Partial<RangeRequest> = {},
): RangeRequest {
  return RangeRequest.fromPartial({
    ...rest,
    key: Buffer.from(key, "latin1"),
    rangeEnd: Buffer.from(rangeEnd, "latin1"),
  });
}

/** The keys of some stored KeyValues. */
export function keysOf(keyValues: readonly Uint8Array[]): string[] {
  return keyValues.map((one) => text(KeyValue.decode(one).key));
}
