import { lookup } from "node:dns/promises";
import { setTimeout as pause } from "node:timers/promises";
import type { PeerTlsOptions } from "../../shared/control/raft-control.js";
import type { Logger } from "../../shared/logger.js";
import { askMembersOverGrpc } from "./ask-members.js";
import type { BootstrapPorts } from "./bootstrap-outcome.js";

/** The real world: name service, other members' peer ports, the log. */
export function bootstrapPorts(logger: Logger, tls: PeerTlsOptions | undefined): BootstrapPorts {
  return {
    ask: askMembersOverGrpc(tls),
    resolver: {
      lookup: async (host) => (await lookup(host)).address,
      pause: (ms) => pause(ms),
      unresolved: (url, error) => {
        const fields = { url: url.text, host: `${url.host}:${url.port}`, error: String(error) };
        logger.warn("failed to resolve URL Host", fields);
      },
    },
    unanswered: (url, error) => {
      logger.warn("failed to get cluster response", { address: url.text, error: String(error) });
    },
  };
}
