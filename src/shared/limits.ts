/** Limits and defaults of the etcd contract (docs/facts/limits.md), and our own bounds. One place for all. */

/** Bytes. */
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
/** Learners that a cluster may have at once (limits.md section 5; CL-06). */
export const LEARNERS_MAX = 1;
/** Members report the rolling hash of what they applied at every multiple of this index. */
export const STATE_HASH_EVERY = 256;
/** Largest lease TTL. */
export const LEASE_TTL_SECONDS_MAX = 9_000_000_000;
/** Distinct revisions in one catch-up watch response. limits.md section 8. */
export const WATCH_CATCH_UP_REVISIONS_MAX = 1000;
/** Committed but unapplied entries above which proposals are refused. limits.md section 4. */
export const APPLY_LAG_ENTRIES_MAX = 5000;

/** What a request may take besides two election timeouts. limits.md section 4. */
export const REQUEST_TIMEOUT_BASE_MS = 5000;

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
/** Longest that one slice of a checkpoint or a compaction may hold the apply worker. */
export const CHECKPOINT_SLICE_MS = 5;

/** Keys up to this many bytes are LMDB keys themselves; longer ones go through the overflow table. */
export const INLINE_KEY_BYTES_MAX = 1024;

/** Bytes that one stream may have written and not sent before its handler is told to stop, and to go on. */
export const STREAM_HIGH_WATER_BYTES = 128 * KIB;
export const STREAM_LOW_WATER_BYTES = 64 * KIB;
/** Largest answer (limits.md section 1). */
export const SEND_BYTES_MAX = 2_147_483_647;
/** How long a new connection may take to show which protocol it speaks. */
export const FIRST_BYTES_TIMEOUT_MS = 30_000;
/** How long a client may take to send an HTTP/1 request's headers. limits.md section 3. */
export const HTTP_HEADERS_TIMEOUT_MS = 300_000;
/** Checks in a row without a leader, one per election timeout, that end the streams which asked for one. */
export const NO_LEADER_CHECKS_MAX = 3;
/** File descriptors kept back from client connections. limits.md section 3. */
export const RESERVED_FILE_DESCRIPTORS = 150;
/** Distinct client-api-version label values that are counted apart; the rest share one. */
export const CLIENT_VERSION_LABELS_MAX = 64;
/** Pings that a client may send too early before it is sent away (grpc/proposal A8). */
export const PING_STRIKES_MAX = 2;
/** How seldom a client without open calls may ping: two hours (grpc/proposal A8). */
export const IDLE_PING_INTERVAL_MS = 7_200_000;
/** Longest delay that a Node timer can be given. */
export const TIMER_DELAY_MS_MAX = 2_147_483_647;

/** Appends to one Raft peer that may be unanswered, and payload bytes in one of them. */
export const RAFT_INFLIGHT_MESSAGES_MAX = 256;
export const RAFT_APPEND_BYTES_MAX = MIB;
/** Reads that may wait in one member for a leader; more are refused with "too many requests". */
export const RAFT_READS_WAITING_MAX = 4096;
/**
 * Applied entries that a member of a group keeps for the members that lag, in memory and in the WAL. Twice as much
 * at times: they go when they are half of what is there.
 */
export const RAFT_RETAINED_ENTRIES_MAX = 200_000;
export const RAFT_RETAINED_BYTES_MAX = 64 * MIB;
/** Closed WAL segments in which entries are kept for others. Each start closes one, however short it is. */
export const WAL_SEGMENTS_RETAINED_MAX = 8;
/** Payload bytes in the Raft log that were not applied yet, above which no more proposals are taken in. */
export const RAFT_UNAPPLIED_BYTES_MAX = 64 * MIB;
/** Entries that the store may lag behind the commit index before no more proposals are taken in. */
export const RAFT_APPLY_LAG_ENTRIES_MAX = 50_000;
/** Bytes that the log keeps at most for a member to which a snapshot is on its way. */
export const RAFT_SNAPSHOT_RETAINED_BYTES_MAX = 256 * MIB;
/** Proposals that wait in the Raft worker for a leader; more are refused with "too many requests". */
export const RAFT_HELD_PROPOSALS_MAX = 5000;
export const RAFT_HELD_PROPOSAL_BYTES_MAX = 16 * MIB;
/** Messages to peers that wait for this member's disk; more are dropped, as a network may do. */
export const RAFT_HELD_MESSAGES_MAX = 4096;
/** Frontends that one process may have. */
export const FRONTENDS_MAX = 64;
/**
 * Request bytes that a connection may have sent and nobody has read, over all its streams. Many times one
 * stream's window (64 KiB), so that a stream which is not read does not hold up the others.
 */
export const CONNECTION_WINDOW_BYTES = MIB;
/**
 * Calls that a client may cancel at once on one connection, and per second on end, before the connection
 * is closed (CVE-2023-44487). Node's own bounds (1000, 33) would hit a client that ends its many watches.
 */
export const STREAM_RESETS_BURST_MAX = 20_000;
export const STREAM_RESETS_PER_SECOND_MAX = 5000;

/** Questions of other members that may wait for this member's answer at once; beyond, they are refused. */
export const PEER_QUESTIONS_OPEN_MAX = 20_000;
/** Election timeouts that a leader's write to its log may take before it hands leadership over. */
export const DISK_STALL_ELECTIONS_MAX = 2;

/** HTTP/2 engine (src/main/http2/README.md). Request bytes that a stream may send before it is read. */
export const HTTP2_STREAM_WINDOW_BYTES = 65_535;
/**
 * The same for all streams of a connection together. It is given back as bytes come, so it bounds what is on the
 * wire and not memory: large enough that two of the largest requests need no round trip between them.
 */
export const HTTP2_CONNECTION_WINDOW_BYTES = 4 * MIB;
/** Request bytes of one connection that wait: unfinished messages, and those of paused streams. */
export const HTTP2_HELD_BYTES_MAX = 64 * MIB;
/**
 * Answers of one connection that wait for its client to take them, above which its requests wait as well: bytes, and
 * the number of answers below which they do not, whatever their size.
 */
export const HTTP2_QUEUED_BYTES_MAX = 64 * MIB;
export const HTTP2_QUEUED_ANSWERS_MIN = 16;
/** Open calls of one connection when no lower limit is set, with cancelled ones whose handler still works. */
export const HTTP2_STREAMS_MAX = 65_536;
/** Our SETTINGS_HEADER_TABLE_SIZE (the default) and SETTINGS_MAX_HEADER_LIST_SIZE. */
export const HTTP2_HEADER_TABLE_BYTES = 4096;
export const HTTP2_HEADER_LIST_BYTES = 64 * KIB;
/** HEADERS and CONTINUATION frames of one header block. */
export const HTTP2_HEADER_BLOCK_FRAMES_MAX = 32;
/** Output of one connection and turn beyond which data waits, so that connections take turns. */
export const HTTP2_TURN_OUTPUT_BYTES = 128 * KIB;
/** Output that the socket does not take, above which nothing is read from the peer, and read again. */
export const HTTP2_OUTPUT_PAUSE_BYTES = MIB;
export const HTTP2_OUTPUT_RESUME_BYTES = 256 * KIB;
/** Frames without use that a peer may send at once, and per second on end. */
export const HTTP2_USELESS_FRAMES_BURST = 20_000;
export const HTTP2_USELESS_FRAMES_PER_SECOND = 2000;
/** Time for the rest of the preface and the first SETTINGS, and for the answer to ours. */
export const HTTP2_PREFACE_TIMEOUT_MS = 10_000;
export const HTTP2_SETTINGS_TIMEOUT_MS = 30_000;
/** Time for the round trip that a drain waits for before it names the last call. */
export const HTTP2_DRAIN_TIMEOUT_MS = 5000;
/** How long a closing connection waits for the peer to take the last bytes. */
export const HTTP2_LINGER_MS = 1000;
/** How long a peer may leave output untaken that the socket is full of. */
export const HTTP2_OUTPUT_STALL_MS = 300_000;
