import assert from "node:assert/strict";
import { type ServerProcess, startCapstan, startEtcd } from "../../support/server-process.js";
import { type Command, Side } from "./side.js";

/** CAPSTAN_DIFF_CHALLENGER=etcd compares etcd with itself, to try the sessions. */
const startChallenger = (flags: readonly string[]): Promise<ServerProcess> =>
  process.env.CAPSTAN_DIFF_CHALLENGER === "etcd" ? startEtcd({ flags }) : startCapstan({ flags });

/** Real etcd and capstan, each with its etcdctl. */
export class SidePair {
  readonly etcd: Side;
  readonly capstan: Side;

  private constructor(etcd: Side, capstan: Side) {
    this.etcd = etcd;
    this.capstan = capstan;
  }

  /** Starts both servers with the same flags. */
  static async start(flags: readonly string[] = []): Promise<SidePair> {
    const etcd = await startEtcd({ flags });
    try {
      return new SidePair(await Side.of(etcd), await Side.of(await startChallenger(flags)));
    } catch (error) {
      await etcd.dispose();
      throw error;
    }
  }

  /** Runs one session against both, command by command; every result must be the same. */
  async compareSession(commands: readonly Command[]): Promise<void> {
    await this.#begin();
    for (const command of commands) {
      const [etcd, capstan] = await Promise.all([
        this.etcd.run(command),
        this.capstan.run(command),
      ]);
      const { line, code = 0 } = command;
      const what = `etcdctl ${typeof line === "string" ? line : line.join(" ")}`;
      assert.deepEqual({ what, ...capstan }, { what, ...etcd });
      assert.deepEqual({ what, code: (etcd as { code: number }).code }, { what, code });
    }
  }

  /** Runs a program of live commands against both; what it gives must be the same. */
  async compareLive(program: (side: Side) => Promise<unknown>): Promise<void> {
    await this.#begin();
    const [etcd, capstan] = await Promise.all([program(this.etcd), program(this.capstan)]);
    assert.deepEqual(capstan, etcd);
  }

  /** Ends the commands and the servers. */
  async dispose(): Promise<void> {
    for (const side of [this.etcd, this.capstan]) {
      await side.close();
      await side.server.dispose();
    }
  }

  /** Both start without keys, at the same revision. */
  async #begin(): Promise<void> {
    const clear: Command = { line: ["del", "", "--prefix"] };
    const [etcd, capstan] = await Promise.all([this.etcd.run(clear), this.capstan.run(clear)]);
    assert.deepEqual(capstan, etcd);
    await Promise.all([this.etcd.begin(), this.capstan.begin()]);
  }
}
