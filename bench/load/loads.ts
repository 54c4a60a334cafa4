/*
 * What each load is, as plain data: enough to make it again, and fit to be sent to a thread.
 */

/** Keys that a load uses: numbered below `keySpaceSize`, `keySize` bytes each. */
export interface KeySpace {
  readonly keySize: number;
  readonly keySpaceSize: number;
}

/** Puts of one key each. */
export interface PutLoad extends KeySpace {
  readonly kind: "put";
  readonly valSize: number;
  /** In order, else at random. */
  readonly sequentialKeys: boolean;
}

/** The same range again and again. */
export interface RangeLoad {
  readonly kind: "range";
  readonly key: string;
  /** "" for the one key. */
  readonly rangeEnd: string;
  readonly serializable: boolean;
}

/** Ranges over `span` neighbours each, at random, of a key space that was filled before. */
export interface RangeSpanLoad extends KeySpace {
  readonly kind: "range-span";
  readonly valSize: number;
  readonly span: number;
  readonly serializable: boolean;
}

/** Writes every key of the key space. */
export interface FillLoad extends KeySpace {
  readonly kind: "fill";
  readonly valSize: number;
}

/** Transactions of `txnOps` puts. */
export interface TxnPutLoad extends KeySpace {
  readonly kind: "txn-put";
  readonly valSize: number;
  readonly txnOps: number;
}

/** Transactions of one put or one range over all keys. */
export interface TxnMixedLoad extends KeySpace {
  readonly kind: "txn-mixed";
  readonly valSize: number;
  /** Where ranges end; "" for no end. */
  readonly endKey: string;
  readonly limit: number;
  readonly serializable: boolean;
  /** Reads per write. */
  readonly rwRatio: number;
}

/** Create or update by revision, as a Kubernetes API server writes. */
export interface TxnK8sLoad extends KeySpace {
  readonly kind: "txn-k8s";
  readonly valSize: number;
}

/** Puts on keys that are watched. */
export interface WatchLoad extends KeySpace {
  readonly kind: "watch";
  readonly valSize: number;
  readonly sequentialKeys: boolean;
  readonly streams: number;
  readonly watchPerStream: number;
  /** Keys that are watched, one by each watcher, and put; 0: all watch the whole key space. */
  readonly watchedKeyTotal: number;
  readonly prevKv: boolean;
}

/** Serializable gets while watchers catch up with a key's history. */
export interface WatchGetLoad {
  readonly kind: "watch-get";
  readonly watchers: number;
  readonly streams: number;
  /** Events of the history. */
  readonly events: number;
}

/** Renewals of leases, one per client. */
export interface LeaseKeepAliveLoad {
  readonly kind: "lease-keepalive";
}

/** Isolation of a software transaction, by etcd's letters. */
export const STM_ISOLATIONS = ["c", "r", "s", "ss"] as const;
/** What is held around a software transaction. */
export const STM_LOCKERS = ["stm", "lock-client", "lock-rpc"] as const;

/** Software transactions: reads, then a commit that fails and starts over when they are stale. */
export interface StmLoad {
  readonly kind: "stm";
  /** Read committed, repeatable reads, serializable, serializable snapshot. */
  readonly isolation: (typeof STM_ISOLATIONS)[number];
  readonly keys: number;
  readonly keysPerTxn: number;
  readonly writePercent: number;
  readonly locker: (typeof STM_LOCKERS)[number];
  readonly valSize: number;
}

/** What the API servers of a Kubernetes cluster ask. */
export interface K8sLoad {
  readonly kind: "k8s";
  readonly nodes: number;
  readonly podsPerNode: number;
  /** Each watches every resource type. */
  readonly apiServers: number;
  readonly resourceTypes: number;
}

/** Lists of all objects by the first `listers` clients, gets of one by the others. */
export interface ListLoad extends KeySpace {
  readonly kind: "list";
  readonly valSize: number;
  readonly listers: number;
}

/** Any load. */
export type Load =
  | PutLoad
  | RangeLoad
  | RangeSpanLoad
  | FillLoad
  | TxnPutLoad
  | TxnMixedLoad
  | TxnK8sLoad
  | WatchLoad
  | WatchGetLoad
  | LeaseKeepAliveLoad
  | StmLoad
  | K8sLoad
  | ListLoad;
