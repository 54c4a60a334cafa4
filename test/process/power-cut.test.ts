import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { Random } from "../support/random.js";
import type { ServerProcess } from "../support/server-process.js";
import { Ext4Image, skipWithoutImages } from "./support/ext4-image.js";
import { BUSY, HEAVY } from "./support/load.js";
import { scaled, TEST_SEED } from "./support/scale.js";
import { startSubject } from "./support/subject.js";
import { Survival } from "./support/survival.js";

const CUTS = scaled(24);
/** How long a server may go on after the power is gone, to show that it acknowledges nothing then. */
const AFTERLIFE_MS = 300;
/** One cut: where it falls. */
type Moment = "busy" | "heavy" | "start";
/** Long enough for a few segments of the log, and checkpoints, under the heavy load. */
const CUT_AFTER_MS: Record<Moment, readonly [number, number]> = {
  busy: [50, 700],
  heavy: [400, 1600],
  start: [0, 400],
};

test(`a power cut under load, ${CUTS} times, loses nothing that was acknowledged`, {
  skip: skipWithoutImages(),
}, async (t) => {
  t.diagnostic(`seed ${TEST_SEED} (replay with CAPSTAN_TEST_SEED)`);
  const random = new Random(TEST_SEED);
  const survival = new Survival(random);
  const image = await Ext4Image.make("2G");
  const servers: ServerProcess[] = [];
  t.after(async () => {
    for (const server of servers) await server.dispose();
    await image.dispose();
  });
  const start = async (): Promise<ServerProcess> => {
    const server = await startSubject({ dataDir: join(image.mountPoint, "data") });
    servers.push(server);
    return server;
  };
  const counts = { busy: 0, heavy: 0, start: 0, endedItself: 0 };

  for (let cut = 0; cut < CUTS; cut += 1) {
    const moment: Moment = cut % 8 === 7 ? "start" : cut % 2 === 0 ? "busy" : "heavy";
    counts[moment] += 1;
    const afterMs = random.integer(...CUT_AFTER_MS[moment]);
    if (moment === "start") await cutWhileStarting(image, start, afterMs);
    else {
      const server = await start();
      await survival.check(server);
      await survival.begin(server, moment === "heavy" ? HEAVY : BUSY);
      // Keeps the store small under the heavy load, and cuts fall into compactions.
      const compacted = moment === "heavy" ? survival.compact() : undefined;
      await delay(afterMs);
      const powerless = async (): Promise<void> => {
        await image.cut();
        const ended = await Promise.race([server.exited, delay(AFTERLIFE_MS, "alive" as const)]);
        if (ended !== "alive") counts.endedItself += 1;
        await server.end("SIGKILL");
      };
      await survival.end(powerless);
      await compacted;
    }
    await image.unmount();
    await image.mount();
  }
  const server = await start();
  await survival.check(server);
  await server.end("SIGKILL");
  report(t, survival, counts);
});

/** Power that goes while the log is being read and the store opened. */
async function cutWhileStarting(
  image: Ext4Image,
  start: () => Promise<ServerProcess>,
  afterMs: number,
): Promise<void> {
  const starting = start().catch(() => undefined);
  await delay(afterMs);
  await image.cut();
  const server = await Promise.race([starting, delay(2000, undefined)]);
  await (server ?? (await starting))?.end("SIGKILL");
}

function report(t: TestContext, survival: Survival, counts: Record<string, number>): void {
  const { oracle, inFlight } = survival;
  t.diagnostic(`cuts: ${JSON.stringify(counts)}`);
  t.diagnostic(
    `${oracle.acknowledgedCount} writes acknowledged, revision ${oracle.checkedRevision}`,
  );
  t.diagnostic(`in flight at a cut: ${inFlight.happened} done, ${inFlight.vanished} not`);
}
