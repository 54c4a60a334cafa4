import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Random } from "../support/random.js";
import { BUSY } from "./support/load.js";
import { scaled, TEST_SEED } from "./support/scale.js";
import { startSubject } from "./support/subject.js";
import { Survival } from "./support/survival.js";
import { verifyWholeHistory } from "./support/verify.js";

const KILLS = scaled(50);
const KILL_AFTER_MS = [50, 400] as const;

test(`kill -9 under load, ${KILLS} times, loses nothing that was acknowledged`, async (t) => {
  t.diagnostic(`seed ${TEST_SEED} (replay with CAPSTAN_TEST_SEED)`);
  const random = new Random(TEST_SEED);
  const survival = new Survival(random);
  const dataDir = mkdtempSync(join(tmpdir(), "capstan-crash-"));
  t.after(() => rmSync(dataDir, { recursive: true, force: true }));
  let slowestStartMs = 0;

  for (let round = 0; round <= KILLS; round += 1) {
    const startedMs = performance.now();
    const server = await startSubject({ dataDir });
    t.after(() => server.dispose());
    slowestStartMs = Math.max(slowestStartMs, performance.now() - startedMs);
    await survival.check(server);
    // The first half keeps all history, to be read from its beginning; the second half compacts.
    const half = Math.floor(KILLS / 2);
    if (round === half) await verifyWholeHistory(server.target, survival.oracle);
    if (round === KILLS) break;

    await survival.begin(server, BUSY);
    const compacted = round > half && round % 3 === 0 ? survival.compact() : undefined;
    await delay(random.integer(...KILL_AFTER_MS));
    await survival.end(() => server.end("SIGKILL"));
    await compacted;
  }
  const { oracle, inFlight } = survival;
  t.diagnostic(
    `${oracle.acknowledgedCount} writes acknowledged, revision ${oracle.checkedRevision}`,
  );
  t.diagnostic(`in flight at a kill: ${inFlight.happened} done, ${inFlight.vanished} not`);
  t.diagnostic(`slowest start ${slowestStartMs.toFixed(0)} ms`);
});
