import { errorFacts, type Outcome } from "../../shared/errors.js";
import type { CheckKind, HealthObserver, HealthProbe } from "./health-probe.js";
import { type Page, requireGet, sendText } from "./http-page.js";

/** One check: undefined when it passes, or why it does not. */
interface Check {
  readonly name: string;
  readonly run: (probe: HealthProbe) => Promise<string | undefined>;
}

const SERIALIZABLE_READ: Check = {
  name: "serializable_read",
  run: async (probe) => faultOf(await probe.serializableRead()),
};
const LINEARIZABLE_READ: Check = {
  name: "linearizable_read",
  run: async (probe) => faultOf(await probe.linearizableRead()),
};
const DATA_CORRUPTION: Check = {
  name: "data_corruption",
  run: async (probe) =>
    probe.alarms().includes("CORRUPT") ? "alarm activated: CORRUPT" : undefined,
};
const NON_LEARNER: Check = {
  name: "non_learner",
  run: async (probe) => (probe.isLearner() ? "not supported for learner" : undefined),
};

const CHECKS: { readonly [kind in CheckKind]: readonly Check[] } = {
  livez: [SERIALIZABLE_READ],
  readyz: [DATA_CORRUPTION, SERIALIZABLE_READ, LINEARIZABLE_READ, NON_LEARNER],
};

/**
 * /livez and /readyz, and a page below them for each check, by path. A space alarm fails none of them.
 * docs/facts/http.md section 2.
 */
export function checkPages(probe: HealthProbe, observer: HealthObserver): Map<string, Page> {
  const pages = new Map<string, Page>();
  for (const kind of ["livez", "readyz"] as const) {
    pages.set(`/${kind}`, checkPage(kind, CHECKS[kind], probe, observer));
    for (const check of CHECKS[kind]) {
      pages.set(`/${kind}/${check.name}`, checkPage(kind, [check], probe, observer));
    }
  }
  return pages;
}

function checkPage(
  kind: CheckKind,
  checks: readonly Check[],
  probe: HealthProbe,
  observer: HealthObserver,
): Page {
  return async (request, response) => {
    if (!requireGet(request, response)) return;
    const excluded = request.query.getAll("exclude");
    let failed = false;
    const wanted = checks.filter(({ name }) => !excluded.includes(name));
    const lines = await Promise.all(
      wanted.map(async ({ name, run }) => {
        const fault = await run(probe);
        observer.check(kind, name, fault === undefined);
        if (fault === undefined) return `[+]${name} ok\n`;
        failed = true;
        return `[-]${name} failed: ${fault}\n`;
      }),
    );
    if (failed) sendText(response, 503, `${lines.join("")}\n`);
    else sendText(response, 200, request.query.has("verbose") ? `${lines.join("")}ok\n` : "ok\n");
  };
}

function faultOf(outcome: Outcome<unknown>): string | undefined {
  return outcome.ok ? undefined : errorFacts(outcome.code).message;
}
