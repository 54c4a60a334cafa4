import type { MessagePort, Worker } from "node:worker_threads";
import { expose, type Remote, wrap } from "comlink";
import nodeEndpoint from "comlink/dist/esm/node-adapter.mjs";

/**
 * Serves an actor's control plane (start, stop, status: never anything per request) on a worker's port
 * to its parent. From then on the port keeps the worker alive.
 */
export function serveControl(control: object, port: MessagePort): void {
  expose(control, nodeEndpoint(port));
}

/**
 * The control plane of the actor behind a worker, from its parent. Errors come over with name, message
 * and stack, not with their class. A call to a worker that died is never answered: race it with `exit`.
 */
export function connectControl<Control>(worker: Worker | MessagePort): Remote<Control> {
  return wrap<Control>(nodeEndpoint(worker));
}
