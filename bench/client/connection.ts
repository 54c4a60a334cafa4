/** Full method names that the workloads call. */
export const RPC = {
  authenticate: "/etcdserverpb.Auth/Authenticate",
  compact: "/etcdserverpb.KV/Compact",
  hashKv: "/etcdserverpb.Maintenance/HashKV",
  status: "/etcdserverpb.Maintenance/Status",
  lock: "/v3lockpb.Lock/Lock",
  unlock: "/v3lockpb.Lock/Unlock",
  range: "/etcdserverpb.KV/Range",
  put: "/etcdserverpb.KV/Put",
  txn: "/etcdserverpb.KV/Txn",
  watch: "/etcdserverpb.Watch/Watch",
  leaseGrant: "/etcdserverpb.Lease/LeaseGrant",
  leaseKeepAlive: "/etcdserverpb.Lease/LeaseKeepAlive",
} as const;

/**
 * Called once per call: a failure, or undefined and the answer's message bytes, which the callee
 * may keep.
 */
export type OnAnswer = (failure: Error | undefined, message: Buffer) => void;

/** What happens on an open stream. */
export interface StreamEvents {
  onMessage(message: Buffer): void;
  /** The stream has ended; undefined when it did so with status OK. */
  onEnd(failure: Error | undefined): void;
}

/** The sending half of an open stream. */
export interface OpenStream {
  send(message: Buffer): void;
  /** Says that nothing more will be sent; the server ends the stream then. */
  end(): void;
}

/**
 * One connection of the load generator: message bytes in, message bytes out, nothing decoded in
 * between. Callbacks never run inside the call that asked for them.
 */
export interface Connection {
  /** Calls a unary method. The message is not changed and not kept after the answer. */
  unary(path: string, message: Buffer, onAnswer: OnAnswer): void;
  /** Opens a bidirectional stream. */
  bidi(path: string, events: StreamEvents): OpenStream;
  /** Closes the connection. Nothing may be under way. */
  close(): void;
}

/** `unary` as a promise; rejects with the failure. */
export function call(connection: Connection, path: string, message: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    connection.unary(path, message, (failure, answer) => {
      if (failure === undefined) resolve(answer);
      else reject(failure);
    });
  });
}
