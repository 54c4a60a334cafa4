import { Metadata } from "@grpc/grpc-js";
import { API_VERSION } from "../../shared/version.js";
import type { MemberId } from "../core/entry.js";
import { ANNOUNCED_BYTES_MAX, ANNOUNCED_URLS_MAX, PEER_PROTOCOL_VERSION } from "./bounds.js";
import { parsePeerUrl } from "./peer-url.js";
import { Refusal, RefusedError } from "./refusal.js";

/** Who calls whom, as metadata of every call but `Members`. Plain data: goes to the snapshot thread. */
export interface Handshake {
  readonly clusterId: bigint;
  readonly from: MemberId;
  readonly to: MemberId;
  /** Peer URLs of the caller: whoever does not know it yet can answer there. */
  readonly urls: readonly string[];
}

/** A caller that was let in. */
export interface Caller {
  readonly id: MemberId;
  readonly version: string;
  readonly urls: readonly string[];
}

/** Who this member is, and who may not call it. */
export interface Doorkeeper {
  readonly clusterId: bigint;
  readonly memberId: MemberId;
  isRemoved(id: MemberId): boolean;
}

const KEY = {
  protocol: "capstan-protocol",
  version: "capstan-version",
  clusterId: "capstan-cluster-id",
  from: "capstan-from",
  to: "capstan-to",
  urls: "capstan-peer-urls",
} as const;

const HEX_ID = /^[0-9a-f]{1,16}$/;

/** The metadata that opens a call. */
export function handshakeMetadata(handshake: Handshake): Metadata {
  const { clusterId, from, to, urls } = handshake;
  const metadata = acceptMetadata();
  metadata.set(KEY.clusterId, clusterId.toString(16));
  metadata.set(KEY.from, from.toString(16));
  metadata.set(KEY.to, to.toString(16));
  metadata.set(KEY.urls, urls.join(","));
  return metadata;
}

/** The metadata that a call is accepted with. */
export function acceptMetadata(): Metadata {
  const metadata = new Metadata();
  metadata.set(KEY.protocol, String(PEER_PROTOCOL_VERSION));
  metadata.set(KEY.version, API_VERSION);
  return metadata;
}

/** Version of the member that accepted a call; undefined for metadata that accepts none. */
export function acceptedBy(metadata: Metadata): string | undefined {
  return text(metadata, KEY.protocol) === "" ? undefined : text(metadata, KEY.version);
}

/** Lets a caller in, or throws a RefusedError. */
export function checkHandshake(metadata: Metadata, doorkeeper: Doorkeeper): Caller {
  const protocol = text(metadata, KEY.protocol);
  if (protocol !== String(PEER_PROTOCOL_VERSION)) {
    throw new RefusedError(
      Refusal.versionMismatch,
      `incompatible peer protocol: got "${protocol}", need ${PEER_PROTOCOL_VERSION}`,
    );
  }
  const clusterId = id(metadata, KEY.clusterId);
  if (clusterId !== doorkeeper.clusterId) {
    throw new RefusedError(
      Refusal.clusterIdMismatch,
      `request cluster ID mismatch (got ${hex(clusterId)} want ${hex(doorkeeper.clusterId)})`,
    );
  }
  const from = id(metadata, KEY.from);
  const to = id(metadata, KEY.to);
  if (from === doorkeeper.memberId) {
    throw new RefusedError(Refusal.selfConnection, `member ${hex(from)} called itself`);
  }
  if (to !== doorkeeper.memberId) {
    throw new RefusedError(
      Refusal.notAddressed,
      `request for member ${hex(to)} reached member ${hex(doorkeeper.memberId)}`,
    );
  }
  if (doorkeeper.isRemoved(from)) throw removedError(from);
  return { id: from, version: text(metadata, KEY.version), urls: announcedUrls(metadata) };
}

/** The refusal of a member that is none any more. */
export function removedError(id: MemberId): RefusedError {
  return new RefusedError(
    Refusal.removed,
    `the member has been permanently removed from the cluster (${hex(id)})`,
  );
}

function announcedUrls(metadata: Metadata): readonly string[] {
  const joined = text(metadata, KEY.urls);
  if (joined.length > ANNOUNCED_BYTES_MAX) return [];
  const urls = joined.split(",").filter((url) => parsePeerUrl(url) !== undefined);
  return urls.slice(0, ANNOUNCED_URLS_MAX);
}

function id(metadata: Metadata, key: string): bigint {
  const value = text(metadata, key);
  if (!HEX_ID.test(value)) {
    throw new RefusedError(Refusal.malformed, `the handshake has no valid ${key}`);
  }
  return BigInt(`0x${value}`);
}

function text(metadata: Metadata, key: string): string {
  const value = metadata.get(key)[0];
  return typeof value === "string" ? value : "";
}

function hex(value: bigint): string {
  return value.toString(16);
}
