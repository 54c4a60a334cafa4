import { type Page, requireGet, sendBody } from "./http-page.js";

/** What /version says. */
export interface VersionFacts {
  /** Version of the API that this server speaks. */
  readonly server: string;
  /** What the cluster has agreed on; undefined until the leader has decided. */
  cluster(): string | undefined;
  /** Version of the data on disk; undefined until it is known. */
  storage(): string | undefined;
}

/** /version. docs/facts/http.md section 3. */
export function versionPage(facts: VersionFacts): Page {
  return (request, response) => {
    if (!requireGet(request, response)) return;
    const body = JSON.stringify({
      etcdserver: facts.server,
      etcdcluster: facts.cluster() ?? "not_decided",
      storage: facts.storage() ?? "unknown",
    });
    sendBody(response, 200, { contentType: "application/json", body });
  };
}
