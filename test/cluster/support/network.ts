/** Where the members of a cluster are. They are numbered from 1. */
export interface Network {
  /** The URL of a member's client or peer port. */
  url(member: number, port: "client" | "peer"): string;
  /** host:port of a member's client port. */
  target(member: number): string;
  /** What the command line of a member begins with. It replaces itself: the pid stays. */
  commandPrefix(member: number): readonly string[];
  /** Removes everything. The members must have ended. */
  dispose(): Promise<void>;
}
