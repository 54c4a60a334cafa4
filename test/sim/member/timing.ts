/** Timing of every simulated member: etcd's defaults. */
export const HEARTBEAT_MS = 100;
export const ELECTION_MS = 1000;
/** Ticks without a leader before a member campaigns, at least. */
export const ELECTION_TICKS = ELECTION_MS / HEARTBEAT_MS;
