import { STM_ISOLATIONS, STM_LOCKERS } from "../load/loads.js";
import { type Command, TOTAL_AND_RATE } from "./command.js";
import { UsageError } from "./flags.js";

/** `stm`: software transactions. */
export const STM: Command = {
  name: "stm",
  help: "software transactions that start over when what they read has changed",
  flags: {
    ...TOTAL_AND_RATE,
    isolation: {
      type: "string",
      default: "r",
      help: "c read committed, r repeatable reads, s serializable, ss serializable snapshot",
    },
    keys: { type: "string", default: "1", help: "different keys" },
    "keys-per-txn": { type: "string", default: "1", help: "keys that a transaction reads" },
    "txn-wr-percent": { type: "string", default: "50", help: "how many of them it writes" },
    "stm-locker": {
      type: "string",
      default: "stm",
      help: "held around each: stm (nothing), lock-client (made of keys) or lock-rpc (Lock service)",
    },
    "val-size": { type: "string", default: "8", help: "bytes of a value" },
  },
  load: (flags) => {
    const keys = flags.count("keys");
    const keysPerTxn = flags.count("keys-per-txn", 0);
    const writePercent = flags.number("txn-wr-percent");
    if (keysPerTxn > keys) throw new UsageError("--keys-per-txn is more than --keys");
    if (writePercent > 100) throw new UsageError("--txn-wr-percent is more than 100");
    const isolation = flags.oneOf("isolation", STM_ISOLATIONS);
    const locker = flags.oneOf("stm-locker", STM_LOCKERS);
    const valSize = flags.count("val-size", 0);
    return { kind: "stm", isolation, keys, keysPerTxn, writePercent, locker, valSize };
  },
};
