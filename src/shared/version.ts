/** Version of this program: the same as in package.json (a test compares them). */
export const CAPSTAN_VERSION = "0.1.0";

/**
 * The etcd release whose API this server speaks: `Status.version`, /version, and the first line of
 * `--version`.
 */
export const API_VERSION = "3.7.1";

/** What a cluster of such servers agrees on: major and minor of API_VERSION, patch 0. */
export const CLUSTER_VERSION = "3.7.0";

/** `Status.storageVersion` and the `storage` field of /version. */
export const STORAGE_VERSION = "3.7.0";
