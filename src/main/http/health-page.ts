import type { ServerResponse } from "node:http";
import { errorFacts } from "../../shared/errors.js";
import type { HealthObserver, HealthProbe } from "./health-probe.js";
import { type Page, type PageRequest, requireGet, sendBody, sendText } from "./http-page.js";

/** /health: alarms, then a leader, then a read. docs/facts/http.md section 2. */
export function healthPage(probe: HealthProbe, observer: HealthObserver): Page {
  return async (request, response) => {
    if (!requireGet(request, response)) return;
    const reason = await findFault(request, probe);
    observer.health(reason === "");
    answer(response, reason);
  };
}

async function findFault(request: PageRequest, probe: HealthProbe): Promise<string> {
  const excluded = request.query.getAll("exclude");
  const serializable = request.query.get("serializable") === "true";
  const alarm = probe.alarms().find((name) => !excluded.includes(name));
  if (alarm !== undefined) return `ALARM ${alarm}`;
  if (!serializable && !probe.hasLeader()) return "RAFT NO LEADER";
  const read = await (serializable ? probe.serializableRead() : probe.linearizableRead());
  return read.ok ? "" : `RANGE ERROR:${errorFacts(read.code).message}`;
}

function answer(response: ServerResponse, reason: string): void {
  const body = JSON.stringify({ health: String(reason === ""), reason });
  if (reason === "") sendBody(response, 200, { contentType: "text/plain; charset=utf-8", body });
  else sendText(response, 503, `${body}\n`);
}
