import { Registry } from "prom-client";
import type { MetricsSource } from "../http/metrics-page.js";
import { copyCounters, copyGauge } from "./copied-metrics.js";
import { registerDebuggingMetrics } from "./debugging-metrics.js";
import { HealthMetrics } from "./health-metrics.js";
import { registerProcessMetrics } from "./process-metrics.js";
import { RpcMetrics } from "./rpc-metrics.js";
import { registerNetworkMetrics, registerServerMetrics } from "./server-metrics.js";
import type { MetricsSources } from "./sources.js";
import {
  registerAbsentMetrics,
  registerDiskMetrics,
  registerMvccMetrics,
} from "./storage-metrics.js";

/** All metrics of a server, one file per family. Counting happens in fields; a scrape copies. */
export class Metrics implements MetricsSource {
  /** Counts calls: the transport's observer, and the call checks' `countClient`. */
  readonly rpc: RpcMetrics;
  /** Counts the results of the health pages. */
  readonly health: HealthMetrics;
  readonly #registry = new Registry();
  #scraping = 0;
  #scraped = 0;
  #failed = 0;

  constructor(sources: MetricsSources) {
    registerServerMetrics(this.#registry, sources);
    registerDiskMetrics(this.#registry, sources);
    registerMvccMetrics(this.#registry, sources);
    registerNetworkMetrics(this.#registry, sources);
    registerDebuggingMetrics(this.#registry, sources);
    registerAbsentMetrics(this.#registry);
    registerProcessMetrics(this.#registry);
    this.rpc = new RpcMetrics(this.#registry, sources.extensive);
    this.health = new HealthMetrics(this.#registry);
    this.#registerScrapes();
  }

  async scrape(): Promise<string> {
    this.#scraping += 1;
    try {
      const text = await this.#registry.metrics();
      this.#scraped += 1;
      return text;
    } catch (error) {
      this.#failed += 1;
      throw error;
    } finally {
      this.#scraping -= 1;
    }
  }

  #registerScrapes(): void {
    copyGauge(this.#registry, {
      name: "promhttp_metric_handler_requests_in_flight",
      help: "Scrapes that are being answered.",
      read: () => this.#scraping,
    });
    copyCounters(this.#registry, {
      name: "promhttp_metric_handler_requests_total",
      help: "Scrapes by HTTP status.",
      labelNames: ["code"],
      read: () => [
        { labels: { code: "200" }, value: this.#scraped },
        { labels: { code: "500" }, value: this.#failed },
        { labels: { code: "503" }, value: 0 },
      ],
    });
  }
}
