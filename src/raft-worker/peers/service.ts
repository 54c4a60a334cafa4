import type { MethodDefinition, ServiceDefinition } from "@grpc/grpc-js";

/** Bytes in, bytes out: messages are made and read by functions of our own. */
type BytesMethod = MethodDefinition<Buffer, Buffer>;

const SERVICE = "/capstan.peer.v1.Peer/";

function method(name: string, requestStream: boolean): BytesMethod {
  return {
    path: SERVICE + name,
    requestStream,
    responseStream: false,
    requestSerialize: same,
    requestDeserialize: same,
    responseSerialize: same,
    responseDeserialize: same,
  };
}

/** Envelopes from the caller, in order, for as long as both live. Never answered but with an error. */
export const MESSAGES_METHOD = method("Messages", true);
/** The chunks of a snapshot (src/shared/snapshot). Answered when it is on the receiver's disk. */
export const SNAPSHOT_METHOD = method("Snapshot", true);
/**
 * {cluster id u64 LE, member id u64 LE, MemberListResponse without header}, for a member that does not know
 * its cluster's id yet: empty request, no handshake.
 */
export const MEMBERS_METHOD = method("Members", false);

/** What members offer each other. */
export const PEER_SERVICE: ServiceDefinition = {
  Messages: MESSAGES_METHOD,
  Snapshot: SNAPSHOT_METHOD,
  Members: MEMBERS_METHOD,
};

function same(bytes: Buffer): Buffer {
  return bytes;
}
