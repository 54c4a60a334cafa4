import { freePort } from "../../support/server-process.js";
import type { Network } from "./network.js";

interface Ports {
  readonly client: number;
  readonly peer: number;
}

/** Members on free ports of the loopback: for those who cannot make namespaces. Nothing can be cut here. */
export class LoopbackNetwork implements Network {
  readonly #ports: readonly Ports[];

  private constructor(ports: readonly Ports[]) {
    this.#ports = ports;
  }

  /** Finds ports for so many members. */
  static async make(size: number): Promise<LoopbackNetwork> {
    const ports = Array.from({ length: size }, async () => ({
      client: await freePort(),
      peer: await freePort(),
    }));
    return new LoopbackNetwork(await Promise.all(ports));
  }

  url(member: number, port: "client" | "peer"): string {
    return `http://127.0.0.1:${this.#portsOf(member)[port]}`;
  }

  target(member: number): string {
    return `127.0.0.1:${this.#portsOf(member).client}`;
  }

  commandPrefix(): readonly string[] {
    return [];
  }

  async dispose(): Promise<void> {
    // Ports need no removal.
  }

  #portsOf(member: number): Ports {
    const ports = this.#ports[member - 1];
    if (ports === undefined) throw new Error(`no place for member ${member}`);
    return ports;
  }
}
