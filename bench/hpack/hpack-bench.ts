/*
 * What does one header block cost?
 *
 * Prints nanoseconds per block of a gRPC client: one that comes again as it was, one with a deadline of its own, as
 * grpc-go sends it (a literal that goes into the table), and the first of a connection; then of our answers.
 * Run: node dist/bench/hpack/hpack-bench.js [blocks]
 */
import { ByteSink } from "../../src/main/http2/byte-sink.js";
import { HpackDecoder } from "../../src/main/http2/hpack/decoder.js";
import { HpackEncoder } from "../../src/main/http2/hpack/encoder.js";

type Field = readonly [name: string, value: string];

const REQUEST: readonly Field[] = [
  [":method", "POST"],
  [":scheme", "http"],
  [":path", "/etcdserverpb.KV/Range"],
  [":authority", "127.0.0.1:2379"],
  ["content-type", "application/grpc"],
  ["user-agent", "grpc-go/1.79.3"],
  ["te", "trailers"],
];
const LIST_BYTES_MAX = 16_384;
const TABLE_BYTES_MAX = 4096;
const ROUNDS = 3;
/** Blocks with a deadline that are written beforehand; the same order comes again, so the tables stay in step. */
const DEADLINES = 1000;

function newDecoder(): HpackDecoder {
  return new HpackDecoder({ tableBytesMax: TABLE_BYTES_MAX, listBytesMax: LIST_BYTES_MAX });
}

function write(encoder: HpackEncoder, ...fields: readonly Field[]): Uint8Array {
  const sink = new ByteSink();
  for (const [name, value] of fields) encoder.encode(sink, name, value, "index");
  return sink.view();
}

/** Runs `one` so many times, a few rounds of it, and prints the best. */
function measure(what: string, count: number, one: (at: number) => number): void {
  let best = Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const start = process.hrtime.bigint();
    for (let at = 0; at < count; at += 1) sum += one(at);
    best = Math.min(best, Number(process.hrtime.bigint() - start) / count);
  }
  if (sum === 0) throw new Error(`${what}: nothing was done`);
  console.log(`${what.padEnd(52)} ${best.toFixed(0).padStart(6)} ns`);
}

function decoding(blocks: number): void {
  const encoder = new HpackEncoder();
  const first = write(encoder, ...REQUEST);
  const again = write(encoder, ...REQUEST);
  const decoder = newDecoder();
  decoder.decode(first);
  measure(
    `decode, ${again.length} bytes, seen before`,
    blocks,
    () => decoder.decode(again).fields.length,
  );

  const deadlines = Array.from({ length: DEADLINES }, (_, i) =>
    write(encoder, ...REQUEST, ["grpc-timeout", `${4_999_000 - i}u`]),
  );
  // What the encoder evicted on the way it wrote again, so one pass over all of them fits any table's start.
  let fresh = newDecoder();
  measure(`decode, ${deadlines[1]!.length} bytes, with its own deadline`, blocks, (at) => {
    if (at % DEADLINES === 0) {
      fresh = newDecoder();
      fresh.decode(first);
    }
    return fresh.decode(deadlines[at % DEADLINES]!).fields.length;
  });
  measure(
    `decode, ${first.length} bytes, first of a connection`,
    Math.ceil(blocks / 10),
    () => newDecoder().decode(first).fields.length,
  );
}

function encoding(blocks: number): void {
  const encoder = new HpackEncoder();
  const sink = new ByteSink();
  measure("encode, answer headers and trailers", blocks, () => {
    sink.reset();
    encoder.encode(sink, ":status", "200", "index");
    encoder.encode(sink, "content-type", "application/grpc", "index");
    encoder.encode(sink, "grpc-status", "0", "index");
    return sink.length;
  });
  measure("encode, trailers with a message of 30 characters", blocks, () => {
    sink.reset();
    encoder.encode(sink, "grpc-status", "5", "index");
    encoder.encode(sink, "grpc-message", "etcdserver: lease not found %s", "plain");
    return sink.length;
  });
}

const blocks = Number(process.argv[2] ?? 1_000_000);
console.log(`node ${process.version}, ${blocks} blocks, best of ${ROUNDS}`);
decoding(blocks);
encoding(blocks);
