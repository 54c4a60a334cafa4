import assert from "node:assert/strict";
import { after, before, beforeEach } from "node:test";
import { conformanceMethods, MethodLog } from "./conformance-methods.js";
import { Harness, type TransportFactory } from "./harness.js";
import type { RawClient } from "./raw-client.js";

/** The message that most tests send. */
export const HELLO = Buffer.from("hello");

/** One server for a suite; a fresh client and an empty log for each test. */
export class Fixture {
  readonly log = new MethodLog();
  #harness: Harness | undefined;
  #client: RawClient | undefined;

  get harness(): Harness {
    assert.ok(this.#harness, "used before the suite began");
    return this.#harness;
  }

  get client(): RawClient {
    assert.ok(this.#client, "used outside of a test");
    return this.#client;
  }

  async start(make: TransportFactory): Promise<void> {
    this.#harness = await Harness.start(make, conformanceMethods(this.log));
  }

  renew(): void {
    this.log.clear();
    this.harness.bugs.length = 0;
    this.#client = this.harness.raw();
  }
}

/** Installs the hooks of a suite and gives what they set up. */
export function useFixture(make: TransportFactory): Fixture {
  const fixture = new Fixture();
  before(() => fixture.start(make));
  beforeEach(() => fixture.renew());
  after(() => fixture.harness.stop());
  return fixture;
}
