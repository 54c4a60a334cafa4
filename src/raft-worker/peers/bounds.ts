import { KIB, MIB } from "../../shared/limits.js";

/** What members say to each other. A member refuses one that speaks another version. */
export const PEER_PROTOCOL_VERSION = 1;

/** Messages are gathered into one envelope up to this many bytes; a larger single message has its own. */
export const ENVELOPE_BYTES = 256 * KIB;
/**
 * Largest envelope and snapshot chunk that is taken in. The same on every member whatever its flags say: one
 * that may write larger requests than another must still be able to replicate them.
 */
export const PEER_MESSAGE_BYTES_MAX = 512 * MIB;
/** Bytes of entries and proposals that wait for one peer; messages beyond are dropped, the newest ones. */
export const QUEUE_BYTES_MAX = 16 * MIB;
/** The same while a connection is being made: what is older than the attempt is of no use. */
export const OFFLINE_QUEUE_BYTES = MIB;
/** Bytes of all other messages that wait for one peer. */
export const CONTROL_BYTES_MAX = MIB;
/** Bytes given to a stream that it has not sent yet, above which the queue is where they wait. */
export const STREAM_BYTES_MAX = 512 * KIB;
/**
 * How much a peer may send on one connection before it is read (RFC 9113 section 5.2). What is under way is
 * what a ping waits behind on a slow link: with more, a busy one would be taken for a dead one.
 */
export const FLOW_CONTROL_WINDOW_BYTES = MIB;

/** How long a peer's host may take to accept a connection, and the peer then to accept the stream. */
export const CONNECT_TIMEOUT_MS = 1000;
export const ACCEPT_TIMEOUT_MS = 2000;
/** First and longest pause between two attempts: an election must not wait for a peer that came back. */
export const BACK_OFF_MS_MIN = 100;
export const BACK_OFF_MS_MAX = 1000;
/** A connection is asked for a sign of life this often, and given up after that silence. */
export const KEEPALIVE_TIME_MS = 1000;
export const KEEPALIVE_TIMEOUT_MS = 4000;
/** How often a condition that lasts is logged. */
export const LOG_AGAIN_MS = 30_000;

/** Connections that other members may have open, and streams of messages over them. */
export const CONNECTIONS_MAX = 256;
export const INCOMING_STREAMS_MAX = 64;
/** Member lists that may be on their way at once. */
export const MEMBER_LISTS_MAX = 64;
/** Peer URLs that a sender may announce, and bytes of them. */
export const ANNOUNCED_URLS_MAX = 16;
export const ANNOUNCED_BYTES_MAX = 4 * KIB;

/** A snapshot that makes no progress for this long is given up, by its sender and by its receiver. */
export const SNAPSHOT_STALL_MS = 60_000;
/** How often a snapshot on its way is logged. */
export const SNAPSHOT_LOG_MS = 5000;
