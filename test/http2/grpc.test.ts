import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { AnswerHeaders } from "../../src/main/http2/grpc/answer-headers.js";
import { MessageReader } from "../../src/main/http2/grpc/message-reader.js";
import { parseRequestHead } from "../../src/main/http2/grpc/request-head.js";
import { encodeStatusText } from "../../src/main/http2/grpc/status-text.js";
import { parseTimeout } from "../../src/main/http2/grpc/timeout.js";
import { HpackDecoder } from "../../src/main/http2/hpack/decoder.js";
import { CALL_FIELDS, message } from "./support/frames.js";

type Fields = readonly (readonly [name: string, value: string])[];

function head(fields: Fields) {
  return parseRequestHead(fields.map(([name, value]) => ({ name, value })));
}

/** The usual fields with one of them left out, and others behind. */
function changed(without: string, ...more: Fields): Fields {
  return [...CALL_FIELDS.filter(([name]) => name !== without), ...more];
}

describe("parseTimeout()", () => {
  test("reads every unit", () => {
    const cases: readonly (readonly [string, number | string])[] = [
      ["1H", 3_600_000],
      ["2M", 120_000],
      ["3S", 3000],
      ["4m", 4],
      ["5000u", 5],
      ["6000000n", 6],
      ["0n", 0],
      ["99999999H", 99_999_999 * 3_600_000],
      ["123456789m", 'transport: timeout string is too long: "123456789m"'],
      ["m", 'transport: timeout string is too short: "m"'],
      ["11", 'transport: timeout unit is not recognized: "11"'],
      ["1s", 'transport: timeout unit is not recognized: "1s"'],
      ["-1S", 'strconv.ParseUint: parsing "-1": invalid syntax'],
      ["1.5S", 'strconv.ParseUint: parsing "1.5": invalid syntax'],
      ["", 'transport: timeout string is too short: ""'],
    ];
    for (const [text, ms] of cases) assert.equal(parseTimeout(text), ms, text);
  });
});

describe("encodeStatusText()", () => {
  test("is undone by percent-decoding, and is printable ASCII, for any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const encoded = encodeStatusText(text);
        assert.match(encoded, /^[ -~]*$/);
        assert.equal(decodeURIComponent(encoded), text);
      }),
    );
    assert.equal(encodeStatusText("100% naïve\n"), "100%25 na%C3%AFve%0A");
  });
});

describe("parseRequestHead()", () => {
  test("takes a call", () => {
    const { method, path, problem, timeoutMs, encoding, bodyBytes } = head([
      ...CALL_FIELDS,
      ["grpc-timeout", "100m"],
      ["grpc-encoding", "gzip"],
      ["content-length", "12"],
    ]);
    assert.deepEqual(
      { method, path, problem, timeoutMs, encoding, bodyBytes },
      {
        method: "POST",
        path: "/t.T/Echo",
        problem: undefined,
        timeoutMs: 100,
        encoding: "gzip",
        bodyBytes: 12,
      },
    );
  });

  test("gives metadata: the first value, binary ones decoded", () => {
    const call = head([
      ...CALL_FIELDS,
      ["a", "1"],
      ["a", "2"],
      ["b-bin", "AAH+/w"],
      ["c-bin", "AA==,AQ=="],
    ]);
    assert.equal(call.metadata("a"), "1");
    assert.equal(call.metadata("b-bin"), "\0\x01\xfe\xff");
    assert.equal(call.metadata("c-bin"), "\0");
    assert.equal(call.metadata("d"), undefined);
  });

  const malformed: readonly (readonly [what: string, fields: Fields])[] = [
    ["no method", changed(":method")],
    ["no scheme", changed(":scheme")],
    ["no path", changed(":path")],
    ["an empty path", [[":path", ""], ...changed(":path")]],
    ["a path twice", [[":path", "/a"], ...CALL_FIELDS]],
    ["an unknown pseudo-header", [[":protocol", "x"], ...CALL_FIELDS]],
    ["a pseudo-header of answers", [[":status", "200"], ...CALL_FIELDS]],
    ["a pseudo-header behind the others", changed(":path", [":path", "/a"])],
    ["upper case in a name", changed("", ["Name", "x"])],
    ["a space in a name", changed("", ["na me", "x"])],
    ["an empty name", changed("", ["", "x"])],
    ["a line end in a value", changed("", ["a", "x\r\nb: y"])],
    ["NUL in a value", changed("", ["a", "x\0y"])],
    ["a space before a value", changed("", ["a", " x"])],
    ["connection", changed("", ["connection", "close"])],
    ["transfer-encoding", changed("", ["transfer-encoding", "chunked"])],
    ["te of another kind", changed("te", ["te", "gzip"])],
    ["a content-length that is no number", changed("", ["content-length", "1x"])],
  ];
  for (const [what, fields] of malformed) {
    test(`finds malformed: ${what}`, () => {
      assert.equal(head(fields).problem?.kind, "malformed");
    });
  }

  const refused: readonly (readonly [fields: Fields, httpStatus: number, text: RegExp])[] = [
    [changed("content-type"), 415, /^invalid gRPC request content-type ""$/],
    [changed("content-type", ["content-type", "application/grpc-web"]), 415, /grpc-web/],
    [[[":method", "GET"], ...changed(":method")], 405, /:method "GET" which should be POST$/],
    [
      changed("", ["grpc-timeout", "soon"]),
      400,
      /^malformed grpc-timeout: strconv.ParseUint: parsing "soo": invalid syntax$/,
    ],
    [
      changed("", ["x-bin", "*"]),
      400,
      /^malformed binary metadata "\*" in header "x-bin": illegal base64 data at input byte 0$/,
    ],
  ];
  for (const [fields, httpStatus, text] of refused) {
    test(`refuses with ${httpStatus}: ${text.source}`, () => {
      const { problem } = head(fields);
      assert.ok(problem?.kind === "refused");
      assert.equal(problem.httpStatus, httpStatus);
      assert.match(problem.failure.message, text);
    });
  }

  test("takes content types with a suffix or parameters", () => {
    for (const type of ["application/grpc+proto", "application/grpc;x=y", "Application/gRPC"]) {
      assert.equal(head(changed("content-type", ["content-type", type])).problem, undefined, type);
    }
  });
});

describe("MessageReader", () => {
  test("gives the same messages however the data is cut, and keeps no more than what is left", () => {
    const texts = fc.array(
      fc.string({ maxLength: 40 }).map((text) => text.replace(/[^ -~]/g, ".")),
    );
    fc.assert(
      fc.property(texts, fc.array(fc.nat(60)), fc.boolean(), (wanted, cuts, stops) => {
        const data = Buffer.concat([...wanted.map(message), Buffer.from([0, 0])]);
        const reader = new MessageReader(1000);
        const seen: Uint8Array[] = [];
        let at = 0;
        for (const cut of [...cuts, data.length]) {
          const end = Math.min(data.length, at + cut);
          if (end > at) reader.feed(data, at, end);
          at = end;
          // One that stops in between goes on with the next feed.
          while (reader.next()) {
            seen.push(reader.message);
            if (stops && at < data.length) break;
          }
          reader.keep();
        }
        while (reader.next()) seen.push(reader.message);
        assert.deepEqual(
          seen.map((bytes) => Buffer.from(bytes).toString("latin1")),
          wanted,
        );
        assert.equal(reader.keptBytes, 2);
        assert.equal(reader.oversizeBytes, 0);
      }),
    );
  });

  test("knows what a message that has begun still needs", () => {
    const reader = new MessageReader(100_000);
    const data = message("x".repeat(50_000));
    reader.feed(data, 0, 4);
    assert.equal(reader.next(), false);
    reader.keep();
    assert.equal(reader.missingBytes, 0);
    reader.feed(data, 4, 1000);
    reader.next();
    reader.keep();
    assert.equal(reader.missingBytes, 50_005 - 1000);
    assert.equal(reader.keptBytes, 1000);
  });

  test("refuses by the announced size, and does not copy for it", () => {
    const reader = new MessageReader(10);
    reader.feed(Uint8Array.of(0, 0xff, 0xff, 0xff, 0xff), 0, 5);
    assert.equal(reader.next(), false);
    assert.equal(reader.oversizeBytes, 2 ** 32 - 1);
  });

  test("copies the few bytes that it keeps of a large chunk", () => {
    const reader = new MessageReader(100);
    const chunk = new Uint8Array(65_536);
    reader.feed(chunk, 0, 3);
    reader.keep();
    chunk.fill(9);
    reader.feed(Uint8Array.of(0, 0), 0, 2);
    assert.equal(reader.next(), true);
    assert.equal(reader.message.length, 0);
  });
});

describe("AnswerHeaders", () => {
  test("costs two bytes and one from the second answer on", () => {
    const answers = new AnswerHeaders();
    const decoder = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 8192 });
    const lengths: number[][] = [];
    for (let count = 0; count < 3; count++) {
      const headers = answers.headers().slice();
      const trailers = answers.ok.block().slice();
      lengths.push([headers.length, trailers.length]);
      assert.deepEqual(
        decoder.decode(headers).fields.map(({ value }) => value),
        ["200", "application/grpc"],
      );
      assert.deepEqual(decoder.decode(trailers).fields, [{ name: "grpc-status", value: "0" }]);
    }
    assert.deepEqual(lengths.slice(1), [
      [2, 1],
      [2, 1],
    ]);
  });

  test("stays right through failures of every status between answers", () => {
    const answers = new AnswerHeaders();
    const decoder = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 8192 });
    for (let round = 0; round < 4; round++) {
      for (const status of [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16] as const) {
        const failed = decoder.decode(answers.failed({ status, message: `a${round}` }).block());
        assert.equal(failed.fields[0]?.value, String(status));
        assert.equal(decoder.decode(answers.headers()).fields[1]?.value, "application/grpc");
        assert.equal(decoder.decode(answers.ok.block()).fields[0]?.value, "0");
        const refused = decoder.decode(answers.refusal(415, { status, message: "" }));
        assert.equal(refused.fields[0]?.value, "415");
      }
    }
  });
});
