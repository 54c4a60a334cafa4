/** All examples of RFC 7541 appendix C. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { BlockReader } from "../../src/main/http2/hpack/block-reader.js";
import { HpackDecoder } from "../../src/main/http2/hpack/decoder.js";
import { HpackError } from "../../src/main/http2/hpack/hpack-error.js";

interface Example {
  readonly block: string;
  readonly fields: readonly string[];
  /** The dynamic table afterwards, index 62 first. */
  readonly table: readonly string[];
}

const FIRST_DYNAMIC = 0x80 + 62;

function textsOf(decoder: HpackDecoder, block: Uint8Array): string[] {
  return decoder.decode(block).fields.map(({ name, value }) => `${name}: ${value}`);
}

function check(decoder: HpackDecoder, example: Example, prefix = ""): void {
  const block = Buffer.from(prefix + example.block, "hex");
  assert.deepEqual(textsOf(decoder, block), example.fields);
  const indexes = Uint8Array.from(example.table, (_, at) => FIRST_DYNAMIC + at);
  assert.deepEqual(textsOf(decoder, indexes), example.table);
}

/** Runs the examples over one connection; nothing may be in the table behind what is expected. */
function run(examples: readonly Example[], tableBytes?: number): void {
  const decoder = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 65_536 });
  // Below the default, the encoder says so at the beginning: 31 in the prefix, the rest in two bytes.
  const rest = (tableBytes ?? 0) - 31;
  const update = tableBytes === undefined ? [] : [0x3f, (rest % 128) + 128, Math.floor(rest / 128)];
  for (const [at, example] of examples.entries()) {
    check(decoder, example, at === 0 ? Buffer.from(update).toString("hex") : "");
  }
  const behind = FIRST_DYNAMIC + examples.at(-1)!.table.length;
  assert.throws(() => decoder.decode(Uint8Array.of(behind)), HpackError);
}

describe("RFC 7541 appendix C", () => {
  const integers: readonly (readonly [bytes: string, prefixBits: number, value: number])[] = [
    ["0a", 5, 10],
    ["1f9a0a", 5, 1337],
    ["2a", 8, 42],
  ];
  for (const [bytes, prefixBits, value] of integers) {
    test(`C.1: ${value} with ${prefixBits} bits of prefix`, () => {
      const reader = new BlockReader();
      reader.begin(Buffer.from(bytes, "hex"));
      assert.equal(reader.integer(prefixBits), value);
      assert.equal(reader.done, true);
    });
  }

  test("C.2.1: a literal with indexing", () =>
    run([
      {
        block: "400a637573746f6d2d6b65790d637573746f6d2d686561646572",
        fields: ["custom-key: custom-header"],
        table: ["custom-key: custom-header"],
      },
    ]));
  test("C.2.2: a literal without indexing", () =>
    run([
      {
        block: "040c2f73616d706c652f70617468",
        fields: [":path: /sample/path"],
        table: [],
      },
    ]));
  test("C.2.3: a literal never indexed", () =>
    run([
      { block: "100870617373776f726406736563726574", fields: ["password: secret"], table: [] },
    ]));
  test("C.2.4: an indexed field", () =>
    run([{ block: "82", fields: [":method: GET"], table: [] }]));

  const REQUESTS = (blocks: readonly [string, string, string]): Example[] => [
    {
      block: blocks[0],
      fields: [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"],
      table: [":authority: www.example.com"],
    },
    {
      block: blocks[1],
      fields: [
        ":method: GET",
        ":scheme: http",
        ":path: /",
        ":authority: www.example.com",
        "cache-control: no-cache",
      ],
      table: ["cache-control: no-cache", ":authority: www.example.com"],
    },
    {
      block: blocks[2],
      fields: [
        ":method: GET",
        ":scheme: https",
        ":path: /index.html",
        ":authority: www.example.com",
        "custom-key: custom-value",
      ],
      table: ["custom-key: custom-value", "cache-control: no-cache", ":authority: www.example.com"],
    },
  ];

  test("C.3: requests without Huffman code", () =>
    run(
      REQUESTS([
        "828684410f7777772e6578616d706c652e636f6d",
        "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
      ]),
    ));
  test("C.4: requests with Huffman code", () =>
    run(
      REQUESTS([
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
      ]),
    ));

  const LOCATION = "location: https://www.example.com";
  const PRIVATE = "cache-control: private";
  const DATE = "date: Mon, 21 Oct 2013 20:13:21 GMT";
  const LATER = "date: Mon, 21 Oct 2013 20:13:22 GMT";
  const GZIP = "content-encoding: gzip";
  const COOKIE = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
  const RESPONSES = (blocks: readonly [string, string, string]): Example[] => [
    {
      block: blocks[0],
      fields: [":status: 302", PRIVATE, DATE, LOCATION],
      table: [LOCATION, DATE, PRIVATE, ":status: 302"],
    },
    {
      block: blocks[1],
      fields: [":status: 307", PRIVATE, DATE, LOCATION],
      table: [":status: 307", LOCATION, DATE, PRIVATE],
    },
    {
      block: blocks[2],
      fields: [":status: 200", PRIVATE, LATER, LOCATION, GZIP, COOKIE],
      table: [COOKIE, GZIP, LATER],
    },
  ];

  test("C.5: responses without Huffman code, in a table of 256 bytes", () =>
    run(
      RESPONSES([
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54" +
          "6e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
        "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f" +
          "3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076" +
          "657273696f6e3d31",
      ]),
      256,
    ));
  test("C.6: responses with Huffman code, in a table of 256 bytes", () =>
    run(
      RESPONSES([
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f" +
          "0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
        "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335df" +
          "dfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
      ]),
      256,
    ));
});
