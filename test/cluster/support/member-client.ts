import { type CallOptions, RpcClient } from "../../../src/main/client/rpc-client.js";
import {
  ClusterDefinition,
  MaintenanceDefinition,
  type Member,
  type StatusResponse,
} from "../../../src/shared/gen/etcdserverpb/rpc.js";

const CALL_TIMEOUT_MS = 8_000;
/** The channel could not connect, or lost its connection. */
const UNAVAILABLE = 14;

type Service = Parameters<RpcClient["unary"]>[0];

/**
 * Calls one member. A lost connection is made anew at the next call: a channel of its own would wait longer
 * from try to try, and a test is to see when the member is back, not when the channel looks.
 */
export class MemberClient {
  readonly target: string;
  #rpc: RpcClient;

  constructor(target: string) {
    this.target = target;
    this.#rpc = new RpcClient(target);
  }

  /** The connection as it is now, for streams. */
  get rpc(): RpcClient {
    return this.#rpc;
  }

  /** Calls a unary method; rejects with an RpcError. */
  async unary<Request, Response>(
    service: Service,
    method: Parameters<typeof RpcClient.prototype.unary<Request, Response>>[1],
    request: Request,
    options: CallOptions = {},
  ): Promise<Response> {
    const rpc = this.#rpc;
    try {
      return await rpc.unary(service, method, request, { timeoutMs: CALL_TIMEOUT_MS, ...options });
    } catch (error) {
      if (rpc === this.#rpc && (error as { code?: number }).code === UNAVAILABLE) this.reconnect();
      throw error;
    }
  }

  /** Drops the connection; the next call makes one. */
  reconnect(): void {
    this.#rpc.close();
    this.#rpc = new RpcClient(this.target);
  }

  status(timeoutMs = CALL_TIMEOUT_MS): Promise<StatusResponse> {
    const { status } = MaintenanceDefinition.methods;
    return this.unary(MaintenanceDefinition, status, {}, { timeoutMs });
  }

  /** The hash of everything up to a revision, with where it was compacted. */
  async hashKv(revision: number): Promise<string> {
    const { hashKV } = MaintenanceDefinition.methods;
    const answer = await this.unary(MaintenanceDefinition, hashKV, { revision: BigInt(revision) });
    return `${answer.hash} compacted at ${answer.compactRevision}`;
  }

  async memberList(): Promise<Member[]> {
    const { memberList } = ClusterDefinition.methods;
    return (await this.unary(ClusterDefinition, memberList, { linearizable: true })).members;
  }

  async memberAdd(peerUrl: string, isLearner = false): Promise<bigint> {
    const { memberAdd } = ClusterDefinition.methods;
    const request = { peerURLs: [peerUrl], isLearner };
    return (await this.unary(ClusterDefinition, memberAdd, request)).member?.ID ?? 0n;
  }

  async memberRemove(ID: bigint): Promise<void> {
    await this.unary(ClusterDefinition, ClusterDefinition.methods.memberRemove, { ID });
  }

  async memberPromote(ID: bigint): Promise<void> {
    await this.unary(ClusterDefinition, ClusterDefinition.methods.memberPromote, { ID });
  }

  async moveLeader(targetID: bigint): Promise<void> {
    await this.unary(MaintenanceDefinition, MaintenanceDefinition.methods.moveLeader, { targetID });
  }

  close(): void {
    this.#rpc.close();
  }
}
