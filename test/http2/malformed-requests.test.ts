/** Requests that are well-formed frames and wrong HTTP or wrong gRPC, over real sockets: what each is answered. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Flag, FrameType } from "../../src/main/http2/frame-format.js";
import { Http2Transport } from "../../src/main/transport/http2-transport.js";
import { until } from "../support/until.js";
import { conformanceMethods, MethodLog } from "../transport/conformance-methods.js";
import { Harness } from "../transport/harness.js";
import { CALL_FIELDS, frame, message, uint32 } from "./support/frames.js";
import { SocketClient } from "./support/socket-client.js";

type Field = readonly [name: string, value: string];

/** The name, the section (of RFC 9113 where no other is named), what stream 1 is answered, and the request. */
type Row = readonly [
  what: string,
  clause: string,
  answer: string,
  fields: readonly Field[],
  body?: Uint8Array,
];

const HELLO = message("hello");
const MALFORMED = "RST_STREAM 1 PROTOCOL_ERROR";

function withField(...added: readonly Field[]): Field[] {
  return [...CALL_FIELDS, ...added];
}

function without(name: string): Field[] {
  return CALL_FIELDS.filter(([key]) => key !== name);
}

function changed(name: string, value: string): Field[] {
  return CALL_FIELDS.map(([key, old]) => [key, key === name ? value : old]);
}

const ROWS: readonly Row[] = [
  ["a call", "gRPC", "HEADERS 1 end grpc-status=0", withField()],
  ["an upper-case name", "8.2.1", MALFORMED, withField(["X-Upper", "a"])],
  ["a name with a space", "8.2.1", MALFORMED, withField(["a b", "a"])],
  ["a name with a colon inside", "8.2.1", MALFORMED, withField(["a:b", "a"])],
  ["a name with a control character", "8.2.1", MALFORMED, withField(["a\x01", "a"])],
  ["a name with a character above ASCII", "8.2.1", MALFORMED, withField(["na\xefve", "a"])],
  ["an empty name", "8.2.1", MALFORMED, withField(["", "a"])],
  ["a value with NUL", "8.2.1", MALFORMED, withField(["a", "b\0c"])],
  ["a value with LF", "8.2.1", MALFORMED, withField(["a", "b\nc"])],
  ["a value with CR", "8.2.1", MALFORMED, withField(["a", "b\rc"])],
  ["a value that begins with a space", "8.2.1", MALFORMED, withField(["a", " b"])],
  ["a value that ends with a tab", "8.2.1", MALFORMED, withField(["a", "b\t"])],
  ["LF in :path", "8.2.1", MALFORMED, changed(":path", "/t.T/Echo\n")],
  ["LF in content-type", "8.2.1", MALFORMED, changed("content-type", "application/grpc\n")],
  ["LF in user-agent", "8.2.1", MALFORMED, withField(["user-agent", "a\nb"])],
  ["connection", "8.2.2", MALFORMED, withField(["connection", "close"])],
  ["keep-alive", "8.2.2", MALFORMED, withField(["keep-alive", "1"])],
  ["proxy-connection", "8.2.2", MALFORMED, withField(["proxy-connection", "close"])],
  ["transfer-encoding", "8.2.2", MALFORMED, withField(["transfer-encoding", "chunked"])],
  ["upgrade", "8.2.2", MALFORMED, withField(["upgrade", "h2c"])],
  ["te other than trailers", "8.2.2", MALFORMED, changed("te", "gzip")],
  ["an unknown pseudo-header field", "8.3", MALFORMED, [[":foo", "a"], ...CALL_FIELDS]],
  ["a pseudo-header field of answers", "8.3", MALFORMED, [[":status", "200"], ...CALL_FIELDS]],
  [
    "a pseudo-header field behind others",
    "8.3",
    MALFORMED,
    [...without(":scheme"), [":scheme", "http"]],
  ],
  ["a pseudo-header field twice", "8.3", MALFORMED, [[":path", "/t.T/Echo"], ...CALL_FIELDS]],
  ["no :method", "8.3.1", MALFORMED, without(":method")],
  ["no :scheme", "8.3.1", MALFORMED, without(":scheme")],
  ["no :path", "8.3.1", MALFORMED, without(":path")],
  ["an empty :path", "8.3.1", MALFORMED, changed(":path", "")],
  [
    "CONNECT without :path",
    "8.5",
    MALFORMED,
    [
      [":method", "CONNECT"],
      [":authority", "a:1"],
    ],
  ],
  ["no field at all", "8.3.1", MALFORMED, []],
  ["less data than content-length", "8.1.1", MALFORMED, withField(["content-length", "11"])],
  ["more data than content-length", "8.1.1", MALFORMED, withField(["content-length", "9"])],
  ["content-length that is no number", "8.1.1", MALFORMED, withField(["content-length", "ten"])],
  ["content-length below zero", "8.1.1", MALFORMED, withField(["content-length", "-1"])],
  [
    "no :authority: served all the same",
    "8.3.1",
    "HEADERS 1 end grpc-status=0",
    without(":authority"),
  ],
  ["no te: served all the same", "gRPC", "HEADERS 1 end grpc-status=0", without("te")],
  ["GET", "gRPC", "HEADERS 1 end :status=405", changed(":method", "GET")],
  ["no content-type", "gRPC", "HEADERS 1 end :status=415", without("content-type")],
  [
    "another content-type",
    "gRPC",
    "HEADERS 1 end :status=415",
    changed("content-type", "text/html"),
  ],
  [
    "a content-type that only begins as gRPC's",
    "gRPC",
    "HEADERS 1 end :status=415",
    changed("content-type", "application/grpcx"),
  ],
  [
    "grpc-timeout without a unit",
    "gRPC",
    "HEADERS 1 end :status=400",
    withField(["grpc-timeout", "10"]),
  ],
  [
    "grpc-timeout of nine digits",
    "gRPC",
    "HEADERS 1 end :status=400",
    withField(["grpc-timeout", "123456789S"]),
  ],
  [
    "a binary header that is not base64",
    "gRPC",
    "HEADERS 1 end :status=400",
    withField(["a-bin", "!"]),
  ],
  [
    "more headers than allowed",
    "6.5.2",
    "HEADERS 1 end :status=431",
    withField(...Array.from({ length: 1000 }, (_, i): Field => [`name-${i}`, "x".repeat(60)])),
  ],
];

const MESSAGES: readonly Row[] = [
  ["a message cut off", "gRPC", "HEADERS 1 end", CALL_FIELDS, HELLO.subarray(0, 7)],
  ["a prefix cut off", "gRPC", "HEADERS 1 end", CALL_FIELDS, HELLO.subarray(0, 3)],
  ["a compressed flag of 2", "gRPC", "HEADERS 1 end", CALL_FIELDS, Buffer.of(2, 0, 0, 0, 0)],
  [
    "a compressed message without grpc-encoding",
    "gRPC",
    "HEADERS 1 end",
    CALL_FIELDS,
    Buffer.of(1, 0, 0, 0, 1, 0),
  ],
  [
    "a gzip message that is not gzip",
    "gRPC",
    "HEADERS 1 end",
    withField(["grpc-encoding", "gzip"]),
    Buffer.of(1, 0, 0, 0, 1, 0),
  ],
  [
    "a message of 4 GiB",
    "gRPC",
    "HEADERS 1 end",
    CALL_FIELDS,
    Buffer.concat([Buffer.of(0), uint32(2 ** 32 - 1)]),
  ],
];

/** HEADERS, with CONTINUATION for what does not fit, and DATA. */
function request(client: SocketClient, fields: readonly Field[], body: Uint8Array): Buffer[] {
  const block = client.frames.block(fields);
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < block.length; at += 16_384) {
    const flags = at + 16_384 >= block.length ? Flag.END_HEADERS : 0;
    const type = at === 0 ? FrameType.HEADERS : FrameType.CONTINUATION;
    frames.push(frame(type, flags, 1, block.subarray(at, at + 16_384)));
  }
  return [...frames, client.frames.data(1, body, true)];
}

describe("a malformed request", () => {
  let harness: Harness;
  before(async () => {
    const methods = conformanceMethods(new MethodLog());
    harness = await Harness.start((options) => new Http2Transport(options), methods);
  });
  after(() => harness.stop());

  async function answerTo(fields: readonly Field[], body: Uint8Array): Promise<string> {
    const client = SocketClient.greeting(harness.portNumber);
    client.send(...request(client, fields, body));
    const isEnd = (line: string): boolean => /^(HEADERS 1 end|RST_STREAM 1) /.test(line);
    await until(() => client.isEnded || client.lines.some(isEnd), "an answer");
    const answer = client.lines.find(isEnd) ?? client.lines.at(-1)!;
    assert.equal(await client.probe(), true, `${answer}, but no other call is served`);
    client.close();
    return answer;
  }

  for (const [what, clause, answer, fields, body = HELLO] of ROWS) {
    test(`${what} (${clause}): ${answer}`, async () => {
      const actual = await answerTo(fields, body);
      assert.equal(actual.slice(0, answer.length), answer);
    });
  }
  for (const [what, clause, , fields, body = HELLO] of MESSAGES) {
    test(`${what} (${clause}): fails with a status`, async () => {
      assert.match(await answerTo(fields, body), /^HEADERS 1 end .*grpc-status=[1-9]/);
    });
  }
});
