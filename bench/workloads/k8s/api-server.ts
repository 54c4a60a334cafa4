import { unreachable } from "../../../src/shared/assert.js";
import { RangeResponse } from "../../../src/shared/gen/etcdserverpb/rpc.js";
import { type Connection, call, RPC } from "../../client/connection.js";
import type { K8sLoad } from "../../load/loads.js";
import type { Done } from "../../load/tally.js";
import { revisionAfter } from "../../wire/revision-txn.js";
import { randomValue } from "../../wire/value.js";
import { SENT_AT_BYTES, stampSentAt } from "../watched-events.js";
import type { WorkloadContext } from "../workload.js";
import { EventLease } from "./event-lease.js";
import {
  countObjects,
  deleteIfUnchanged,
  freshness,
  getObject,
  type ListPosition,
  listPage,
  putIfUnchanged,
} from "./messages.js";
import { K8S_SERIES, type K8sKind } from "./mix.js";
import { ObjectPool, type StoredObject } from "./object-pool.js";
import {
  byResource,
  RESOURCE_NAMES,
  RESOURCES,
  type ResourceName,
  watchedPrefixes,
} from "./resources.js";

/** Writes under way while the store is filled. */
const FILL_WRITERS = 32;

/** What the kinds that update write. */
const UPDATED = {
  "lease-renew": "nodeLease",
  "leader-election": "electionLease",
  "node-status": "node",
  "pod-status": "pod",
  endpoints: "endpointSlice",
} as const satisfies Partial<Record<K8sKind, ResourceName>>;

/** The requests of one thread: it knows the objects it writes, and their revisions. */
export class ApiServer {
  readonly #pools: Readonly<Record<ResourceName, ObjectPool>>;
  readonly #values: Readonly<Record<ResourceName, Buffer>>;
  readonly #eventLease = new EventLease();
  readonly #prefixes: readonly string[];
  readonly #onFreshness: () => void;
  #countTurn = 0;
  #listPosition: ListPosition | undefined;

  /** `onFreshness`: the revision is known that a cache must have. */
  constructor(load: K8sLoad, { share, seed }: WorkloadContext, onFreshness: () => void) {
    this.#onFreshness = onFreshness;
    const pool = (name: ResourceName): ObjectPool =>
      new ObjectPool(RESOURCES[name], RESOURCES[name].count(load), share);
    const value = (name: ResourceName): Buffer => randomValue(RESOURCES[name].valueBytes, seed);
    this.#pools = byResource(pool);
    this.#values = byResource(value);
    this.#prefixes = watchedPrefixes(load.resourceTypes);
  }

  /** Creates the objects that are there from the start; those of an earlier run are updated. */
  async fill(connections: readonly Connection[]): Promise<void> {
    const missing = RESOURCE_NAMES.flatMap((name) =>
      this.#pools[name].list().map((object) => ({ name, object })),
    );
    let next = 0;
    const writer = async (connection: Connection): Promise<void> => {
      for (let item = missing[next++]; item !== undefined; item = missing[next++]) {
        await this.#ensure(connection, item.object, this.#values[item.name]);
      }
    };
    await Promise.all(
      Array.from({ length: FILL_WRITERS }, (_, i) => writer(connections[i % connections.length]!)),
    );
  }

  async #ensure(connection: Connection, object: StoredObject, value: Buffer): Promise<void> {
    const created = revisionAfter(await call(connection, RPC.txn, putIfUnchanged(object, value)));
    object.revision = created.revision;
    if (created.succeeded) return;
    const answer = RangeResponse.decode(await call(connection, RPC.range, getObject(object.key)));
    object.revision = Number(answer.kvs[0]?.modRevision ?? 0n);
  }

  /** Makes one request. Where all objects of its kind are in use, a get of one that is in none. */
  ask(connection: Connection, kind: K8sKind, done: Done): void {
    switch (kind) {
      case "lease-renew":
      case "leader-election":
      case "node-status":
      case "pod-status":
      case "endpoints":
        return this.#update(connection, kind, done);
      case "pod-create":
        return this.#write(
          connection,
          { name: "pod", object: this.#pools.pod.create(), kind },
          done,
        );
      case "pod-delete":
        return this.#delete(connection, done);
      case "event":
        return this.#event(connection, done);
      case "get":
        return this.#read(
          connection,
          getObject(this.#pools.pod.peek()?.key ?? HEALTH_KEY),
          kind,
          done,
        );
      case "freshness":
        return this.#read(connection, freshness(RESOURCES.pod.prefix), kind, (...outcome) => {
          this.#onFreshness();
          done(...outcome);
        });
      case "count":
        return this.#read(connection, countObjects(this.#nextPrefix()), kind, done);
      case "list-page":
        return this.#list(connection, done);
      default:
        return unreachable(kind);
    }
  }

  #update(connection: Connection, kind: keyof typeof UPDATED, done: Done): void {
    const name = UPDATED[kind];
    const object = this.#pools[name].take();
    if (object === undefined) return this.#read(connection, getObject(HEALTH_KEY), "get", done);
    this.#write(connection, { name, object, kind }, done);
  }

  #write(
    connection: Connection,
    write: { name: ResourceName; object: StoredObject; kind: K8sKind; lease?: bigint },
    done: Done,
  ): void {
    const { name, object, kind, lease } = write;
    const value = this.#values[name];
    const message = putIfUnchanged(object, value, lease);
    stampSentAt(message, message.lastIndexOf(value.subarray(SENT_AT_BYTES)) - SENT_AT_BYTES);
    connection.unary(RPC.txn, message, (failure, answer) => {
      const fault = failure ?? takeRevision(object, answer);
      // Events are written once; the server removes them with their lease.
      if (name !== "event") this.#pools[name].put(object);
      done(fault, K8S_SERIES.indexOf(kind));
    });
  }

  #delete(connection: Connection, done: Done): void {
    const object = this.#pools.pod.take();
    if (object === undefined) return this.#read(connection, getObject(HEALTH_KEY), "get", done);
    connection.unary(RPC.txn, deleteIfUnchanged(object), (failure, answer) => {
      done(failure ?? takeRevision(object, answer), K8S_SERIES.indexOf("pod-delete"));
    });
  }

  #event(connection: Connection, done: Done): void {
    const object = this.#pools.event.create();
    this.#eventLease
      .use(connection)
      .then(
        (lease) => this.#write(connection, { name: "event", object, kind: "event", lease }, done),
        done,
      );
  }

  #read(connection: Connection, message: Buffer, kind: K8sKind, done: Done): void {
    connection.unary(RPC.range, message, (failure) => done(failure, K8S_SERIES.indexOf(kind)));
  }

  /** The next page of a list of all pods; after the last one a new list begins. */
  #list(connection: Connection, done: Done): void {
    const position = this.#listPosition;
    connection.unary(RPC.range, listPage(RESOURCES.pod.prefix, position), (failure, answer) => {
      if (failure !== undefined) return done(failure);
      const { kvs, count, header } = RangeResponse.decode(answer);
      const last = kvs.at(-1)?.key;
      const isMore = last !== undefined && BigInt(kvs.length) < count;
      const revision = position?.revision ?? header?.revision ?? 0n;
      this.#listPosition = isMore ? { key: Buffer.concat([last, ZERO]), revision } : undefined;
      done(undefined, K8S_SERIES.indexOf("list-page"));
    });
  }

  #nextPrefix(): string {
    this.#countTurn += 1;
    return this.#prefixes[this.#countTurn % this.#prefixes.length] ?? "/registry/";
  }
}

/** What readiness probes read; it is never there. */
const HEALTH_KEY = Buffer.from("/registry/health");
const ZERO = Buffer.from([0]);

function takeRevision(object: StoredObject, answer: Buffer): Error | undefined {
  const { succeeded, revision } = revisionAfter(answer);
  object.revision = revision;
  return succeeded ? undefined : new Error("an object was written by somebody else");
}
