import type { Command } from "./command.js";
import { type FlagTable, UsageError } from "./flags.js";
import { keySpaceOf } from "./run-flags.js";

/** Watched keys begin with a name, so that a watcher of all of them sees nothing else. */
const WATCHED_KEY_BYTES_MIN = 16;

const PUT_FLAGS = {
  "put-total": { type: "string", default: "1000", help: "how many puts to make" },
  "key-size": { type: "string", default: "32", help: "bytes of a key, at least 16" },
} as const satisfies FlagTable;

/** `watch`: events per second. */
export const WATCH: Command = {
  name: "watch",
  help: "puts on watched keys; events that reach a watcher are counted",
  flags: {
    ...PUT_FLAGS,
    "put-rate": { type: "string", default: "0", help: "puts per second; 0: as answers come" },
    "val-size": { type: "string", default: "32", help: "bytes of a value, at least 8" },
    streams: { type: "string", default: "10", help: "watch streams" },
    "watch-per-stream": { type: "string", default: "100", help: "watchers per stream" },
    "watched-key-total": {
      type: "string",
      default: "1",
      help: "keys that are watched, each by its part of the watchers; 0: all watch all keys",
    },
    "key-space-size": { type: "string", default: "1", help: "different keys" },
    "sequential-keys": { type: "boolean", help: "keys in order" },
    prevkv: { type: "boolean", help: "events with the value before" },
  },
  limits: { total: "put-total", rate: "put-rate" },
  load: (flags) => {
    const streams = flags.count("streams");
    const watchPerStream = flags.count("watch-per-stream");
    const watchedKeyTotal = flags.count("watched-key-total", 0);
    const space = keySpaceOf(flags, WATCHED_KEY_BYTES_MIN);
    if (watchedKeyTotal > streams * watchPerStream) {
      throw new UsageError("--watched-key-total is more than there are watchers");
    }
    if (watchedKeyTotal > 1 && flags.count("threads") > 1) {
      throw new UsageError("--watched-key-total above 1 takes one thread");
    }
    const keySpaceSize = Math.max(space.keySpaceSize, watchedKeyTotal);
    return {
      ...space,
      kind: "watch",
      keySpaceSize,
      sequentialKeys: flags.isSet("sequential-keys"),
      prevKv: flags.isSet("prevkv"),
      streams,
      watchPerStream,
      watchedKeyTotal,
    };
  },
};

/** `watch-latency`: from a put to its events. */
export const WATCH_LATENCY: Command = {
  name: "watch-latency",
  help: "puts at a rate on one key; how long until each watcher has the event",
  flags: {
    ...PUT_FLAGS,
    "put-rate": { type: "string", default: "100", help: "puts per second; 0: as answers come" },
    "val-size": { type: "string", default: "32", help: "bytes of a value, at least 8" },
    streams: { type: "string", default: "10", help: "watch streams" },
    "watchers-per-stream": { type: "string", default: "10", help: "watchers per stream" },
    prevkv: { type: "boolean", help: "events with the value before" },
  },
  limits: { total: "put-total", rate: "put-rate" },
  load: (flags) => {
    return {
      kind: "watch",
      keySize: flags.count("key-size", WATCHED_KEY_BYTES_MIN),
      valSize: flags.count("val-size", 0),
      keySpaceSize: 1,
      sequentialKeys: true,
      streams: flags.count("streams"),
      watchPerStream: flags.count("watchers-per-stream"),
      watchedKeyTotal: 1,
      prevKv: flags.isSet("prevkv"),
    };
  },
};

/** `watch-get`: gets while watchers catch up. */
export const WATCH_GET: Command = {
  name: "watch-get",
  help: "serializable gets while watchers are served a key's history",
  flags: {
    watchers: { type: "string", default: "10000", help: "watchers" },
    streams: { type: "string", default: "1", help: "watch streams" },
    events: { type: "string", default: "8", help: "events of the history" },
  },
  load: (flags) => {
    if (flags.count("threads") > 1) throw new UsageError("watch-get takes one thread");
    return {
      kind: "watch-get",
      watchers: flags.count("watchers"),
      streams: flags.count("streams"),
      events: flags.count("events"),
    };
  },
};
