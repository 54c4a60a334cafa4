/**
 * What capstan is to reach beside etcd: by row and metric, the ratio of the two. They are goals of the
 * design, not of a test: the machine and its load move them.
 */
export const GOALS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  put: { "puts/s": ">= 3", "p99 ms": "<= 0.5", "server CPU us/put": "<= 0.33" },
  "put-one": { "p50 ms": "<= 1" },
  "put-random": { "puts/s": ">= 2.5", "disk bytes/put": "<= 1.5" },
  "put-3-members": { "puts/s": ">= 2" },
  range: { "ranges/s": ">= 2.5" },
  "range-serializable": { "ranges/s": ">= 2.5" },
  watch: { "events/s": ">= 2" },
  "lease-keepalive": { "renewals/s": ">= 2" },
  list: { "list/s": ">= 1", "get p99 ms": "<= 0.5" },
  restart: { "ms to the first read": "<= 0.2", "RSS MiB restarted": "<= 1" },
};
