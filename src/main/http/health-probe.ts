import type { Outcome } from "../../shared/errors.js";

/** What the health pages ask of the server. Reads carry their own deadline (7 s by default). */
export interface HealthProbe {
  /** Alarms that are raised anywhere in the cluster. */
  alarms(): readonly ("NOSPACE" | "CORRUPT")[];
  hasLeader(): boolean;
  isLearner(): boolean;
  /** A one-key read of this member's own state. */
  serializableRead(): Promise<Outcome<unknown>>;
  /** A one-key read through a quorum. */
  linearizableRead(): Promise<Outcome<unknown>>;
}

/** Told of every result of the health pages; the metrics count them. */
export interface HealthObserver {
  /** A result of /health. */
  health(ok: boolean): void;
  /** A result of one check of /livez or /readyz. */
  check(kind: CheckKind, name: string, ok: boolean): void;
}

/** The two pages made of checks. */
export type CheckKind = "livez" | "readyz";
