/** Other people's HTTP/2 clients, where they are installed. (node:http2 and grpc-js: the conformance suite.) */
import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { Http2Transport } from "../../src/main/transport/http2-transport.js";
import { conformanceMethods, MethodLog } from "../transport/conformance-methods.js";
import { Harness } from "../transport/harness.js";
import { message } from "./support/frames.js";

/** A client in Python's h2, which checks every frame that it gets: calls at once, larger than the windows. */
const PYTHON_CLIENT = `
import socket, sys, h2.config, h2.connection, h2.events
port, count, size = (int(text) for text in sys.argv[1:])
sock = socket.create_connection(("127.0.0.1", port), timeout=20)
conn = h2.connection.H2Connection(config=h2.config.H2Configuration(header_encoding="latin1"))
conn.initiate_connection()
body = b"\\0" + size.to_bytes(4, "big") + bytes(i % 251 for i in range(size))
left, got, status = {}, {}, {}
for _ in range(count):
    stream = conn.get_next_available_stream_id()
    conn.send_headers(stream, [(":method", "POST"), (":scheme", "http"), (":path", "/t.T/Echo"),
        (":authority", "localhost"), ("content-type", "application/grpc"), ("te", "trailers")])
    left[stream], got[stream] = body, b""
def push():
    for stream, rest in list(left.items()):
        while rest:
            room = min(conn.local_flow_control_window(stream), conn.max_outbound_frame_size, len(rest))
            if room == 0: break
            conn.send_data(stream, rest[:room])
            rest = rest[room:]
        if rest: left[stream] = rest
        else:
            conn.end_stream(stream)
            del left[stream]
    sock.sendall(conn.data_to_send())
push()
while len(status) < count:
    data = sock.recv(65536)
    assert data, "the server has closed"
    for event in conn.receive_data(data):
        if isinstance(event, h2.events.DataReceived):
            got[event.stream_id] += event.data
            conn.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        elif isinstance(event, h2.events.TrailersReceived):
            status[event.stream_id] = dict(event.headers)["grpc-status"]
        elif isinstance(event, (h2.events.StreamReset, h2.events.ConnectionTerminated)):
            sys.exit(repr(event))
    push()
assert all(echo == body for echo in got.values()), "another answer"
print("statuses", *sorted(set(status.values())))
`;

const HEADERS = ["content-type: application/grpc", "te: trailers"];

/** A Python that has h2, or undefined. */
function findPython(): string | undefined {
  const candidates = ["python3", "/usr/bin/python3"];
  return candidates.find((python) => spawnSync(python, ["-c", "import h2"]).status === 0);
}

/** Why a test is skipped, or false. */
function missing(program: string): string | false {
  const { error } = spawnSync(program, ["--version"]);
  // In CI it is never skipped: the test fails.
  if (error === undefined || process.env.CI === "true") return false;
  return `${program} is not installed`;
}

describe("a program that speaks HTTP/2", () => {
  let harness: Harness;
  let dir: string;
  before(async () => {
    dir = mkdtempSync(join(tmpdir(), "capstan-programs-"));
    writeFileSync(join(dir, "body"), message("hello"));
    const methods = conformanceMethods(new MethodLog());
    harness = await Harness.start((options) => new Http2Transport(options), methods);
  });
  after(async () => {
    await harness.stop();
    rmSync(dir, { recursive: true });
  });

  /** Runs a program to its end, which must be a good one; gives what it printed. */
  async function run(program: string, ...args: readonly string[]): Promise<string> {
    const child = spawn(program, args, { cwd: dir, stdio: ["ignore", "pipe", "pipe"] });
    const chunks: Buffer[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    }
    const status = await new Promise<number | null>((resolve, reject) => {
      child.once("error", reject);
      child.once("close", resolve);
    });
    const text = Buffer.concat(chunks).toString("latin1");
    assert.equal(status, 0, text);
    return text;
  }

  const url = (method: string): string => `http://127.0.0.1:${harness.portNumber}/t.T/${method}`;
  const headers = HEADERS.flatMap((header) => ["-H", header]);

  test("curl gets the answer and its trailers", { skip: missing("curl") }, async () => {
    const flags = [
      "-sS",
      "--http2-prior-knowledge",
      "--max-time",
      "20",
      "-D",
      "headers",
      "-o",
      "answer",
    ];
    await run("curl", ...flags, ...headers, "--data-binary", "@body", url("Echo"));
    assert.deepEqual(readFileSync(join(dir, "answer")), message("hello"));
    const received = readFileSync(join(dir, "headers"), "latin1");
    assert.match(received, /^HTTP\/2 200/);
    assert.match(received, /^grpc-status: 0\r$/m);
  });

  test("curl asks for HTTP/1.1 on the same port", { skip: missing("curl") }, async () => {
    const text = await run("curl", "-sS", "--http1.1", "--max-time", "20", url("Page"));
    assert.equal(text, "http1 /t.T/Page");
  });

  test("nghttp gets many answers over one connection", { skip: missing("nghttp") }, async () => {
    const flags = ["-v", "-m", "50", "-d", "body", "--no-content-length", "-t", "20"];
    const text = await run("nghttp", ...flags, ...headers, "-H", ":method: POST", url("Echo"));
    assert.equal(text.match(/grpc-status: 0/g)?.length, 50);
    assert.doesNotMatch(text, /recv (RST_STREAM|GOAWAY)|INVALID/);
  });

  test("nghttp gets a failure as the only headers", { skip: missing("nghttp") }, async () => {
    const text = await run("nghttp", "-v", "-d", "body", "-t", "20", ...headers, url("Fail"));
    assert.match(text, /grpc-status: 9/);
  });

  test("h2load has all its calls answered", { skip: missing("h2load") }, async () => {
    const flags = ["-n", "5000", "-c", "5", "-m", "20", "-t", "1", "-d", "body"];
    const text = await run("h2load", ...flags, ...headers, url("Echo"));
    assert.match(text, /5000 succeeded, 0 failed, 0 errored, 0 timeout/);
  });

  const python = findPython();
  const skip =
    python === undefined && process.env.CI !== "true" && "no Python with h2 is installed";
  test("Python's h2 finds no fault with large and small calls", { skip }, async () => {
    for (const [count, size] of [
      [100, 10],
      [20, 300_000],
    ]) {
      const args = [harness.portNumber, count, size].map(String);
      assert.match(await run(python ?? "", "-c", PYTHON_CLIENT, ...args), /^statuses 0\n$/);
    }
  });
});
