import { ErrorCode, errorFacts } from "../../shared/errors.js";
import {
  WatchCreateRequest_FilterType as Filter,
  type WatchCreateRequest,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { keyString } from "../../shared/mvcc/key-string.js";
import type { Outlet, WatchedKeys, WatcherOptions } from "./watcher.js";

const EMPTY_RANGE = "mvcc: watcher range is empty";

/** Cancel reason of a create whose id a watcher of the stream already has (W-05). */
export const DUPLICATE_ID = "mvcc: duplicate watch ID provided on the WatchStream";

/** The lowest key: what an empty one means (W-07). */
const LOWEST = "\0";

/** Why a create is refused whatever else the stream holds (W-08, W-09); undefined: it is not. */
export function createRefusal(request: WatchCreateRequest): string | undefined {
  if (request.startRevision < 0n) return errorFacts(ErrorCode.compacted).message;
  const { start, end, single } = watchedKeys(request);
  if (!single && end !== undefined && start >= end) return EMPTY_RANGE;
  return undefined;
}

/** The watcher that a create asks for, under the id it gets. Keeps nothing of the request's bytes. */
export function watcherOptions(
  request: WatchCreateRequest,
  outlet: Outlet,
  id: bigint,
): WatcherOptions {
  const { startRevision, prevKv, fragment, progressNotify, filters } = request;
  return {
    id,
    outlet,
    keys: watchedKeys(request),
    // Beyond every revision there can be, a number as good as any.
    startRevision: Math.min(Number(startRevision), Number.MAX_SAFE_INTEGER / 16),
    prevKv,
    fragment,
    progressNotify,
    noPut: filters.includes(Filter.NOPUT),
    noDelete: filters.includes(Filter.NODELETE),
  };
}

/** M-20 to M-25. */
function watchedKeys({ key, rangeEnd }: WatchCreateRequest): WatchedKeys {
  const start = key.length === 0 ? LOWEST : keyString(key);
  if (rangeEnd.length === 0) return { start, end: undefined, single: true };
  const end = keyString(rangeEnd);
  return { start, end: end === LOWEST ? undefined : end, single: false };
}
