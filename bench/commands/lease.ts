import { type Command, TOTAL_AND_RATE } from "./command.js";

/** `lease-keepalive`: renewals. */
export const LEASE_KEEPALIVE: Command = {
  name: "lease-keepalive",
  help: "renewals, a lease and a stream for each client",
  flags: TOTAL_AND_RATE,
  load: () => ({ kind: "lease-keepalive" }),
};
