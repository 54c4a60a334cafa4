import { randomBytes } from "node:crypto";
import { ErrorCode, errorFacts } from "../../shared/errors.js";
import {
  LeaseGrantRequest,
  LeaseKeepAliveRequest,
  LeaseLeasesRequest,
  LeaseRevokeRequest,
  LeaseTimeToLiveRequest,
} from "../../shared/gen/etcdserverpb/rpc.js";
import { EntryKind } from "../../shared/messages/entry.js";
import { MainToApply } from "../../shared/messages/main-to-apply.js";
import { LEASE_GRANT_COST_BYTES } from "../../shared/space-cost.js";
import type { LeaseRouter } from "../cluster/lease-router.js";
import type {
  GrpcFailure,
  RpcMethod,
  StreamCall,
  StreamReceiver,
  UnaryCall,
} from "../transport/method.js";
import { decodeRequest, failWith, type ServiceContext } from "./context.js";
import { answerUnary } from "./propose.js";

/** The Lease service's own needs. */
export interface LeaseContext extends ServiceContext {
  readonly leases: LeaseRouter;
}

/** etcdserverpb.Lease (docs/facts/semantics.md section 9). */
export function leaseMethods(context: LeaseContext): RpcMethod[] {
  const { frontend, header, leases } = context;
  return [
    unary("LeaseGrant", (call, bytes) => grant(context, call, bytes)),
    unary("LeaseRevoke", (call, bytes) => {
      if (decodeRequest(call, LeaseRevokeRequest, bytes) === undefined) return;
      frontend.propose(EntryKind.leaseRevoke, bytes, answerUnary(call, context.header));
    }),
    unary("LeaseTimeToLive", (call, bytes) => {
      const request = decodeRequest(call, LeaseTimeToLiveRequest, bytes);
      if (request === undefined) return;
      const isWanted = (): boolean => !call.cancelled;
      leases.timeToLive({ request, bytes }, isWanted, (code, _revision, body, offset, length) => {
        // The leader answered, perhaps another member: the header is this one's (H-11, H-30).
        if (code !== 0) failWith(call, code);
        else call.reply(header.reply(frontend.revision, body, offset, length));
      });
    }),
    unary("LeaseLeases", (call, bytes) => {
      if (decodeRequest(call, LeaseLeasesRequest, bytes) === undefined) return;
      frontend.queryNumber(MainToApply.leaseLeases, answerUnary(call, context.header));
    }),
    {
      kind: "bidi",
      path: "/etcdserverpb.Lease/LeaseKeepAlive",
      handle: (call) => new KeepAliveStream(context, call),
    },
  ];
}

function unary(name: string, handle: (call: UnaryCall, bytes: Uint8Array) => void): RpcMethod {
  return { kind: "unary", path: `/etcdserverpb.Lease/${name}`, handle };
}

function grant(context: ServiceContext, call: UnaryCall, bytes: Uint8Array): void {
  const request = decodeRequest(call, LeaseGrantRequest, bytes);
  if (request === undefined) return;
  if (!context.quota.admits(LEASE_GRANT_COST_BYTES)) return failWith(call, ErrorCode.noSpace);
  // The id must be in the log, so that every member grants the same one: the request is written anew.
  const payload =
    request.ID === 0n
      ? LeaseGrantRequest.encode({ ...request, ID: randomLeaseId() }).finish()
      : bytes;
  context.frontend.propose(EntryKind.leaseGrant, payload, answerUnary(call, context.header));
}

/** A positive 63-bit id, unique in practice (L-01). */
function randomLeaseId(): bigint {
  const id = BigInt.asUintN(63, randomBytes(8).readBigUInt64LE());
  return id === 0n ? 1n : id;
}

/** Requests of one keepalive stream that may wait for their answers before the client is held back. */
const KEEP_ALIVES_OPEN_MAX = 1000;

/** An answer's place in its stream's order; `bytes` once it is known. */
interface Slot {
  bytes: Buffer | undefined;
}

/**
 * One keepalive stream: each request gets exactly one response, in order (L-20), although a lease past
 * its deadline answers only when its revoke is applied (L-23).
 */
class KeepAliveStream implements StreamReceiver {
  readonly #context: LeaseContext;
  readonly #call: StreamCall;
  #slots: Slot[] = [];
  #halfClosed = false;
  #ended = false;
  #held = false;
  #isFull = false;

  constructor(context: LeaseContext, call: StreamCall) {
    this.#context = context;
    this.#call = call;
    call.onDrain(() => {
      this.#isFull = false;
      this.#holdOrGoOn();
    });
  }

  onMessage(message: Uint8Array): void {
    const ending = { fail: (failure: GrpcFailure) => this.#end(failure) };
    const request = decodeRequest(ending, LeaseKeepAliveRequest, message);
    if (request === undefined || this.#ended) return;
    const { frontend, header, leases } = this.#context;
    // Taken before the renewal (H-10, L-28).
    const revision = frontend.revision;
    const slot: Slot = { bytes: undefined };
    this.#slots.push(slot);
    leases.renew(
      { id: request.ID, request: message },
      () => !this.#ended && !this.#call.cancelled,
      (code, _revision, bytes, offset, length) => {
        if (code !== 0) return this.#end(errorFacts(code));
        slot.bytes = header.reply(revision, bytes, offset, length);
        this.#sendReady();
      },
    );
    this.#holdOrGoOn();
  }

  onHalfClose(): void {
    this.#halfClosed = true;
    this.#sendReady();
  }

  #sendReady(): void {
    if (this.#ended) return;
    let ready = 0;
    for (const slot of this.#slots) {
      if (slot.bytes === undefined) break;
      if (!this.#call.write(slot.bytes)) this.#isFull = true;
      ready++;
    }
    this.#slots.splice(0, ready);
    this.#holdOrGoOn();
    if (this.#halfClosed && this.#slots.length === 0) this.#end(undefined);
  }

  /** Takes requests only while few answers are open and the client reads those that were sent. */
  #holdOrGoOn(): void {
    const hold = this.#isFull || this.#slots.length >= KEEP_ALIVES_OPEN_MAX;
    if (hold === this.#held) return;
    this.#held = hold;
    if (hold) this.#call.pause();
    else this.#call.resume();
  }

  #end(failure: GrpcFailure | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#call.end(failure);
  }
}
