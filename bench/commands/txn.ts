import { type Command, TOTAL_AND_RATE } from "./command.js";
import { UsageError } from "./flags.js";
import { CONSISTENCY_FLAG, isSerializable } from "./range.js";
import { KEY_FLAGS, keySpaceOf } from "./run-flags.js";

/** Keys that a load must have to itself begin with a name, which needs room. */
const NAMED_KEY_BYTES_MIN = 16;

/** `txn-put`: transactions of puts. */
export const TXN_PUT: Command = {
  name: "txn-put",
  help: "transactions of --txn-ops puts on keys in order",
  flags: {
    ...KEY_FLAGS,
    ...TOTAL_AND_RATE,
    "txn-ops": { type: "string", default: "1", help: "puts per transaction" },
  },
  load: (flags) => {
    const space = keySpaceOf(flags);
    const txnOps = flags.count("txn-ops");
    if (txnOps > space.keySpaceSize) {
      throw new UsageError("--txn-ops is more than --key-space-size: a key may be put once only");
    }
    return { kind: "txn-put", ...space, txnOps };
  },
};

/** `txn-mixed`: transactions of one put or one range. */
export const TXN_MIXED: Command = {
  name: "txn-mixed",
  help: "transactions of one range over all keys or one put",
  flags: {
    ...KEY_FLAGS,
    ...TOTAL_AND_RATE,
    ...CONSISTENCY_FLAG,
    "rw-ratio": { type: "string", default: "1", help: "ranges per put" },
    "mix-ratio": { type: "string", help: "the same" },
    "end-key": { type: "string", default: "", help: "where ranges end; nothing: nowhere" },
    limit: { type: "string", default: "1000", help: "keys per answer" },
  },
  load: (flags) => {
    return {
      kind: "txn-mixed",
      ...keySpaceOf(flags),
      serializable: isSerializable(flags),
      rwRatio: flags.number(flags.has("mix-ratio") ? "mix-ratio" : "rw-ratio"),
      endKey: flags.text("end-key") ?? "",
      limit: flags.count("limit", 0),
    };
  },
};

/** `txn-k8s`: create or update by revision. */
export const TXN_K8S: Command = {
  name: "txn-k8s",
  help: "create or update by revision, as a Kubernetes API server writes",
  flags: {
    ...TOTAL_AND_RATE,
    ...{ "key-size": { ...KEY_FLAGS["key-size"], default: "32" } },
    ...{ "val-size": { ...KEY_FLAGS["val-size"], default: "256" } },
    ...{ "key-space-size": { ...KEY_FLAGS["key-space-size"], default: "10000" } },
  },
  load: (flags) => ({ kind: "txn-k8s", ...keySpaceOf(flags, NAMED_KEY_BYTES_MIN) }),
};

/** `fill`: writes a key space. */
export const FILL: Command = {
  name: "fill",
  help: "writes --key-space-size keys, up to 128 per transaction; keys are counted",
  flags: {
    "key-size": { ...KEY_FLAGS["key-size"], default: "32" },
    "val-size": { ...KEY_FLAGS["val-size"], default: "256" },
    "key-space-size": { ...KEY_FLAGS["key-space-size"], default: "100000" },
  },
  load: (flags) => ({ kind: "fill", ...keySpaceOf(flags) }),
};
