import type {
  CallContext,
  GrpcFailure,
  MethodTable,
  StreamCall,
} from "../../src/main/transport/method.js";
import { GrpcStatus } from "../../src/shared/errors.js";

/** What the test methods saw, and the calls they leave open for the test to go on with. */
export class MethodLog {
  readonly cancelled: string[] = [];
  readonly halfClosed: string[] = [];
  readonly contexts: CallContext[] = [];
  readonly streams: StreamCall[] = [];
  readonly unaries: CallContext[] = [];
  writes = 0;
  peakBufferedBytes = 0;

  /** Forgets everything. */
  clear(): void {
    for (const list of [this.cancelled, this.halfClosed]) list.length = 0;
    for (const list of [this.contexts, this.unaries]) list.length = 0;
    this.streams.length = 0;
    this.writes = 0;
    this.peakBufferedBytes = 0;
  }
}

/** A failure with every kind of character that a status text may have. */
export const ODD_FAILURE: GrpcFailure = {
  status: GrpcStatus.FAILED_PRECONDITION,
  message: 'odd: 100% "quoted", naïve, 日本\nsecond line',
};

/** How much `/t.T/Flood` wants to send. */
export const FLOOD_BYTES = 32 * 1024 * 1024;
const FLOOD_MESSAGE = Buffer.alloc(16 * 1024, 0x66);

/** Methods of one service `t.T`, one per behaviour. */
export function conformanceMethods(log: MethodLog): MethodTable {
  return [...unaryMethods(log), ...streamMethods(log)];
}

function unaryMethods(log: MethodLog): MethodTable {
  return [
    {
      kind: "unary",
      path: "/t.T/Echo",
      handle: (call, request) => {
        log.contexts.push(call);
        call.reply(request);
      },
    },
    {
      kind: "unary",
      path: "/t.T/Pieces",
      handle: (call, request) => call.reply([request, Buffer.from("-"), request]),
    },
    { kind: "unary", path: "/t.T/Fail", handle: (call) => call.fail(ODD_FAILURE) },
    {
      kind: "unary",
      path: "/t.T/Hang",
      handle: (call) => {
        log.unaries.push(call);
        call.onCancel(() => log.cancelled.push("unary"));
      },
    },
    {
      kind: "unary",
      path: "/t.T/Throw",
      handle: () => {
        throw new Error("thrown on purpose");
      },
    },
    {
      kind: "unary",
      path: "/t.T/Later",
      handle: (call, request) => {
        setImmediate(() => call.reply(request));
      },
    },
  ];
}

function streamMethods(log: MethodLog): MethodTable {
  return [
    {
      kind: "server-stream",
      path: "/t.T/Count",
      handle: (call, request) => {
        for (let index = 0; index < request.length; index++) call.write(Buffer.from([index]));
        call.end();
      },
    },
    {
      kind: "server-stream",
      path: "/t.T/Flood",
      handle: (call) => flood(call, log),
    },
    {
      kind: "bidi",
      path: "/t.T/Chat",
      handle: (call) => {
        log.streams.push(call);
        call.onCancel(() => log.cancelled.push("bidi"));
        return {
          onMessage: (message) => {
            const text = Buffer.from(message).toString("latin1");
            if (text === "end") call.end();
            else if (text === "fail") call.end(ODD_FAILURE);
            else call.write(message);
          },
          onHalfClose: () => log.halfClosed.push("bidi"),
        };
      },
    },
    {
      kind: "bidi",
      path: "/t.T/Meek",
      handle: (call) => {
        log.streams.push(call);
        call.pause();
        return { onMessage: () => log.writes++, onHalfClose: () => call.end() };
      },
    },
  ];
}

function flood(call: StreamCall, log: MethodLog): void {
  let sent = 0;
  const pump = (): void => {
    while (sent < FLOOD_BYTES && !call.ended) {
      sent += FLOOD_MESSAGE.length;
      log.writes += 1;
      const more = call.write(FLOOD_MESSAGE);
      log.peakBufferedBytes = Math.max(log.peakBufferedBytes, call.bufferedBytes);
      if (!more) return;
    }
    if (!call.ended) call.end();
  };
  call.onDrain(pump);
  pump();
}
