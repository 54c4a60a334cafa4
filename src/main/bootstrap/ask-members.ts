import { Client, Metadata } from "@grpc/grpc-js";
import type { PeerTlsOptions } from "../../shared/control/raft-control.js";
import { type Member, MemberListResponse } from "../../shared/gen/etcdserverpb/rpc.js";
import { hostPort } from "../../shared/host-port.js";
import { peerChannelOptions, peerCredentials } from "../../shared/peer-credentials.js";
import type { ServerUrl } from "../config/server-config.js";

/** A cluster as one of its members knows it. */
export interface KnownCluster {
  readonly clusterId: bigint;
  readonly members: readonly Member[];
}

/** Asks whoever listens at a peer URL who its cluster is. Rejects when there is no good answer in time. */
export type AskMembers = (url: ServerUrl, timeoutMs: number) => Promise<KnownCluster>;

/** Answered without a handshake: who asks is not a member of anything yet. */
const METHOD = "/capstan.peer.v1.Peer/Members";
/** {cluster id u64, member id u64}, little endian, before the list. */
const ANSWER_HEADER_BYTES = 16;
const NO_REQUEST = Buffer.alloc(0);

/** Asks over connections of its own, closed after each answer. */
export function askMembersOverGrpc(tls: PeerTlsOptions | undefined): AskMembers {
  return async (url, timeoutMs) => {
    const peer = { host: url.host, isSecure: url.scheme === "https" };
    const options = peerChannelOptions(peer);
    const client = new Client(hostPort(url.host, url.port), peerCredentials(peer, tls), options);
    try {
      return decodeAnswer(await call(client, timeoutMs));
    } finally {
      client.close();
    }
  };
}

function call(client: Client, timeoutMs: number): Promise<Buffer> {
  const asIs = (bytes: Buffer): Buffer => bytes;
  const options = { deadline: Date.now() + timeoutMs };
  return new Promise((resolve, reject) => {
    client.makeUnaryRequest(
      METHOD,
      asIs,
      asIs,
      NO_REQUEST,
      new Metadata(),
      options,
      (error, answer) => {
        if (error !== null) reject(error);
        else if (answer === undefined) reject(new Error("no answer and no error"));
        else resolve(answer);
      },
    );
  });
}

function decodeAnswer(bytes: Buffer): KnownCluster {
  if (bytes.length < ANSWER_HEADER_BYTES) throw new Error("the answer is too short");
  const { members } = MemberListResponse.decode(bytes.subarray(ANSWER_HEADER_BYTES));
  if (members.length === 0) throw new Error("the member does not know its cluster yet");
  return { clusterId: bytes.readBigUInt64LE(0), members };
}
