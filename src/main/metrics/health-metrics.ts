import type { Registry } from "prom-client";
import type { CheckKind, HealthObserver } from "../http/health-probe.js";
import { copyCounter, copyCounters, copyGauges, type Sample } from "./copied-metrics.js";

interface CheckCounts {
  readonly labels: { readonly type: CheckKind; readonly name: string };
  successes: number;
  failures: number;
  lastOk: boolean;
}

/** Counts the results of the health pages. docs/facts/metrics.md section 5. */
export class HealthMetrics implements HealthObserver {
  #successes = 0;
  #failures = 0;
  readonly #checks = new Map<string, CheckCounts>();

  constructor(registry: Registry) {
    copyCounter(registry, {
      name: "etcd_server_health_success",
      help: "Good answers of /health.",
      read: () => this.#successes,
    });
    copyCounter(registry, {
      name: "etcd_server_health_failures",
      help: "Bad answers of /health.",
      read: () => this.#failures,
    });
    copyGauges(registry, {
      name: "etcd_server_healthcheck",
      help: "Last result of each check.",
      labelNames: ["type", "name"],
      read: () => this.#lastResults(),
    });
    copyCounters(registry, {
      name: "etcd_server_healthchecks_total",
      help: "Results of each check.",
      labelNames: ["type", "name", "status"],
      read: () => this.#results(),
    });
  }

  health(ok: boolean): void {
    if (ok) this.#successes += 1;
    else this.#failures += 1;
  }

  check(kind: CheckKind, name: string, ok: boolean): void {
    const key = `${kind}/${name}`;
    let counts = this.#checks.get(key);
    if (counts === undefined) {
      counts = { labels: { type: kind, name }, successes: 0, failures: 0, lastOk: ok };
      this.#checks.set(key, counts);
    }
    counts.lastOk = ok;
    if (ok) counts.successes += 1;
    else counts.failures += 1;
  }

  *#lastResults(): Iterable<Sample> {
    for (const { labels, lastOk } of this.#checks.values()) yield { labels, value: Number(lastOk) };
  }

  *#results(): Iterable<Sample> {
    for (const { labels, successes, failures } of this.#checks.values()) {
      if (successes > 0) yield { labels: { ...labels, status: "success" }, value: successes };
      if (failures > 0) yield { labels: { ...labels, status: "error" }, value: failures };
    }
  }
}
