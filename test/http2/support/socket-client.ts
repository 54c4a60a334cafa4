import { connect, type Socket } from "node:net";
import { Flag, FrameType } from "../../../src/main/http2/frame-format.js";
import { until } from "../../support/until.js";
import { CALL_FIELDS, ClientFrames, FrameTeller, frame, message } from "./frames.js";

/** A stream id above all that tests use. */
const PROBE_STREAM = 2 ** 30 + 1;
const PING_BYTES = 8;
/** Bytes that wait in a socket which cannot write, and turns of the event loop in which one that can does so. */
const STUCK_BYTES = 64 * 1024;
const STUCK_TURNS = 200;

/** A client that writes whatever bytes a test likes to a real socket, and notes what comes back, frame by frame. */
export class SocketClient {
  readonly frames = new ClientFrames();
  /** One line per frame, in order. */
  readonly lines: string[] = [];
  /** The server has closed its side, or the connection is gone. */
  isEnded = false;
  readonly #socket: Socket;
  readonly #teller = new FrameTeller();
  #pings = 0;
  #probes = 0;

  constructor(port: number) {
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("data", (chunk) => this.lines.push(...this.#teller.tell(chunk)));
    this.#socket.on("error", () => {});
    for (const event of ["end", "close"]) {
      this.#socket.on(event, () => {
        this.isEnded = true;
      });
    }
  }

  /** A client that has sent preface and SETTINGS. */
  static greeting(port: number): SocketClient {
    const client = new SocketClient(port);
    client.send(ClientFrames.greeting);
    return client;
  }

  /** Sends bytes. */
  send(...bytes: readonly Uint8Array[]): void {
    this.#socket.write(Buffer.concat(bytes));
  }

  /** Waits until the server has handled all that was sent: true; or has ended the connection: false. */
  async settled(): Promise<boolean> {
    const payload = Buffer.alloc(PING_BYTES);
    payload.writeUInt32BE(++this.#pings);
    this.send(frame(FrameType.PING, 0, 0, payload));
    const answer = `PING ack ${payload.toString("hex")}`;
    await until(() => this.isEnded || this.lines.includes(answer), answer);
    return !this.isEnded;
  }

  /** Whether a call is served: its status is OK. Waits for the answer, or for the connection's end. */
  async probe(path = "/t.T/Echo"): Promise<boolean> {
    const id = PROBE_STREAM + 2 * this.#probes++;
    const fields = CALL_FIELDS.map(
      ([name, value]) => [name, name === ":path" ? path : value] as const,
    );
    const flags = Flag.END_HEADERS;
    this.send(
      frame(FrameType.HEADERS, flags, id, this.frames.block(fields)),
      this.frames.data(id, message("probe"), true),
    );
    const isEnd = (line: string): boolean =>
      line.startsWith(`HEADERS ${id} end`) || line.startsWith(`RST_STREAM ${id} `);
    await until(() => this.isEnded || this.lines.some(isEnd), `the end of stream ${id}`);
    return this.lines.some((line) => isEnd(line) && line.includes("grpc-status=0"));
  }

  /** Takes nothing from the server any more. */
  stopReading(): void {
    this.#socket.pause();
  }

  /** Whether the server takes nothing, either: bytes wait, and for some turns of the event loop none has gone out. */
  async isStuck(): Promise<boolean> {
    const waiting = this.#socket.writableLength;
    for (let turn = 0; turn < STUCK_TURNS; turn += 1) {
      await new Promise(setImmediate);
      if (waiting < STUCK_BYTES || this.#socket.writableLength < waiting) return false;
    }
    return true;
  }

  /** Ends the connection at once. */
  close(): void {
    this.#socket.destroy();
  }
}
