import { connect, createServer, type Server, type Socket } from "node:net";

/** A TCP proxy that can be made to swallow everything, as a network that drops packets does. */
export class SwallowingProxy {
  readonly url: string;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #isSwallowing = false;

  private constructor(server: Server, target: URL) {
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no address");
    this.url = `http://127.0.0.1:${address.port}`;
    this.#server = server;
    server.on("connection", (near) => {
      const far = connect(Number(target.port), target.hostname);
      this.#pass(near, far);
      this.#pass(far, near);
    });
  }

  static async start(targetUrl: string): Promise<SwallowingProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
    return new SwallowingProxy(server, new URL(targetUrl));
  }

  /** From now on nothing passes; connections stay open, and new ones are accepted. */
  swallow(): void {
    this.#isSwallowing = true;
  }

  /** What comes from now on passes again. What was swallowed is lost, and its connections with it. */
  pass(): void {
    this.#isSwallowing = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #pass(from: Socket, to: Socket): void {
    this.#sockets.add(from);
    from.on("data", (bytes) => {
      if (!this.#isSwallowing) to.write(bytes);
    });
    from.on("error", () => {});
    from.on("close", () => {
      this.#sockets.delete(from);
      if (!this.#isSwallowing) to.destroy();
    });
  }
}
