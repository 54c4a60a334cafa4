import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { type Page, sendBody } from "./http-page.js";

/** Gives the metrics in the Prometheus text format, version 0.0.4. */
export interface MetricsSource {
  scrape(): Promise<string>;
}

const CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores";
const compress = promisify(gzip);

/** /metrics. docs/facts/http.md section 4. */
export function metricsPage(source: MetricsSource): Page {
  return async (request, response) => {
    const text = await source.scrape();
    const accepted = String(request.raw.headers["accept-encoding"] ?? "");
    if (!/\bgzip\b/.test(accepted)) {
      sendBody(response, 200, { contentType: CONTENT_TYPE, body: text });
      return;
    }
    response.setHeader("Content-Encoding", "gzip");
    sendBody(response, 200, { contentType: CONTENT_TYPE, body: await compress(text) });
  };
}
