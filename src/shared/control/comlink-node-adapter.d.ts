/** The part of comlink's adapter for Node's ports that is used; the package ships no types for it. */
declare module "comlink/dist/esm/node-adapter.mjs" {
  import type { MessagePort, Worker } from "node:worker_threads";
  import type { Endpoint } from "comlink";

  /** A browser-like endpoint over a port or worker. */
  // biome-ignore lint/style/noDefaultExport: that is how the package exports it.
  export default function nodeEndpoint(port: MessagePort | Worker): Endpoint;
}
