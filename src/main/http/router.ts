import type { IncomingMessage, ServerResponse } from "node:http";
import { checkPages } from "./check-pages.js";
import { healthPage } from "./health-page.js";
import type { HealthObserver, HealthProbe } from "./health-probe.js";
import { type Page, sendText } from "./http-page.js";
import { type MetricsSource, metricsPage } from "./metrics-page.js";
import { type VersionFacts, versionPage } from "./version-page.js";

/** What the pages are made of. */
export interface PageSources {
  readonly probe: HealthProbe;
  readonly healthObserver: HealthObserver;
  readonly metrics: MetricsSource;
  readonly version: VersionFacts;
  /** Told of what a page threw: a bug of ours. The request has been answered with 500. */
  readonly onBug: (error: unknown, path: string) => void;
}

/** Who may use the client ports from a browser or under a name. docs/facts/flags.md, cors and host-whitelist. */
export interface AccessRules {
  /** Allowed origins; `*` allows all. */
  readonly origins: ReadonlySet<string>;
  /** Host names that requests may be addressed to; `*` allows all. */
  readonly hosts: ReadonlySet<string>;
}

/** Access without rules, the default. */
export const OPEN_ACCESS: AccessRules = { origins: new Set(["*"]), hosts: new Set(["*"]) };

/** What node:http calls for every request. */
export type HttpListener = (request: IncomingMessage, response: ServerResponse) => void;

/** The pages of a client port. docs/facts/http.md section 1. */
export function clientPages(sources: PageSources, rules: AccessRules): HttpListener {
  const pages = healthAndMetricsPages(sources);
  pages.set("/version", versionPage(sources.version));
  const route = router(pages, sources.onBug);
  return (request, response) => {
    if (!isHostAllowed(request, rules)) {
      refuseHost(request, response);
      return;
    }
    addCorsHeaders(request, response, rules);
    if (request.method === "OPTIONS") {
      response.writeHead(200, { "Content-Length": 0 });
      response.end();
      return;
    }
    route(request, response);
  };
}

/** The pages of a --listen-metrics-urls port: metrics and health, nothing else. */
export function metricsPortPages(sources: PageSources): HttpListener {
  return router(healthAndMetricsPages(sources), sources.onBug);
}

function healthAndMetricsPages(sources: PageSources): Map<string, Page> {
  const pages = checkPages(sources.probe, sources.healthObserver);
  pages.set("/health", healthPage(sources.probe, sources.healthObserver));
  pages.set("/metrics", metricsPage(sources.metrics));
  return pages;
}

function router(pages: ReadonlyMap<string, Page>, onBug: PageSources["onBug"]): HttpListener {
  return (request, response) => {
    const target = request.url ?? "/";
    const mark = target.indexOf("?");
    const path = mark < 0 ? target : target.slice(0, mark);
    const page = pages.get(path);
    if (page === undefined) {
      sendText(response, 404, "404 page not found\n");
      return;
    }
    const query = new URLSearchParams(mark < 0 ? "" : target.slice(mark + 1));
    const fail = (error: unknown): void => {
      if (response.headersSent) response.destroy();
      else sendText(response, 500, "Internal Server Error\n");
      onBug(error, path);
    };
    try {
      const done = page({ method: request.method ?? "", path, query, raw: request }, response);
      done?.catch(fail);
    } catch (error) {
      fail(error);
    }
  };
}

function addCorsHeaders(
  request: IncomingMessage,
  response: ServerResponse,
  rules: AccessRules,
): void {
  const origin = rules.origins.has("*") ? "*" : request.headers.origin;
  if (origin === undefined || !(origin === "*" || rules.origins.has(origin))) return;
  response.setHeader("Access-Control-Allow-Headers", "accept, content-type, authorization");
  response.setHeader("Access-Control-Allow-Methods", "POST, GET, OPTIONS, PUT, DELETE");
  response.setHeader("Access-Control-Allow-Origin", origin);
}

function isHostAllowed(request: IncomingMessage, rules: AccessRules): boolean {
  return rules.hosts.size === 0 || rules.hosts.has("*") || rules.hosts.has(hostName(request));
}

function hostName(request: IncomingMessage): string {
  return (request.headers.host ?? "").replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
}

// A page in a browser can be led to this server under a name of its own (DNS rebinding, CVE-2018-5702).
function refuseHost(request: IncomingMessage, response: ServerResponse): void {
  const name = JSON.stringify(hostName(request));
  const text = `host name ${name} is not in --host-whitelist (a guard against CVE-2018-5702)\n`;
  sendText(response, 421, text);
}
