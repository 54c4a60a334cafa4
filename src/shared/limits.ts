/** Limits and defaults of the etcd contract (docs/facts/limits.md), and our own bounds. One place for all. */

export const KIB = 1024;
export const MIB = 1024 * KIB;

/** Default of --max-request-bytes: largest proposal. limits.md section 1. */
export const MAX_REQUEST_BYTES_DEFAULT = 1_572_864;
/** What the gRPC receive limit adds to max-request-bytes. */
export const GRPC_OVERHEAD_BYTES = 512 * KIB;
/** Default of --max-txn-ops. */
export const MAX_TXN_OPS_DEFAULT = 128;
/** Quota when --quota-backend-bytes is 0. */
export const QUOTA_BYTES_DEFAULT = 2 * 1024 * MIB;
/** Largest lease TTL. */
export const LEASE_TTL_SECONDS_MAX = 9_000_000_000;
/** Distinct revisions in one catch-up watch response. limits.md section 8. */
export const WATCH_CATCH_UP_REVISIONS_MAX = 1000;
/** Committed but unapplied entries above which proposals are refused. limits.md section 4. */
export const APPLY_LAG_ENTRIES_MAX = 5000;

/** Default tick (heartbeat) and election timeout. */
export const HEARTBEAT_INTERVAL_MS_DEFAULT = 100;
export const ELECTION_TIMEOUT_MS_DEFAULT = 1000;

/** Capacity of each ring between two actors. A larger message travels in fragments. */
export const RING_CAPACITY_BYTES = 8 * MIB;

/** One segment of the delta; an oversized record gets a segment of its own. */
export const DELTA_SEGMENT_BYTES = 8 * MIB;
/** Delta bytes above which the apply worker takes no more entries until a checkpoint has let some go. */
export const DELTA_BYTES_MAX = 128 * MIB;
/** Delta bytes and age at which a checkpoint begins. */
export const CHECKPOINT_DELTA_BYTES = 32 * MIB;
export const CHECKPOINT_INTERVAL_MS = 1000;
/** Longest that one slice of a checkpoint may hold the apply worker. */
export const CHECKPOINT_SLICE_MS = 5;
/** Longest that one slice of a compaction may hold the apply worker. */
export const COMPACTION_SLICE_MS = 20;

/** Keys up to this many bytes are LMDB keys themselves; longer ones go through the overflow table. */
export const INLINE_KEY_BYTES_MAX = 1024;
