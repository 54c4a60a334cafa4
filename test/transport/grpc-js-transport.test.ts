import { GrpcJsTransport } from "../../src/main/transport/grpc-js-transport.js";
import { describeConformance } from "./conformance.js";

// Node 20 has no option for how often streams may be reset: nghttp2's own bound of 1000 holds there.
const hasResetOptions = Number(process.versions.node.split(".")[0]) >= 22;

describeConformance("grpc-js", (options) => new GrpcJsTransport(options), {
  cancelsAtOnce: hasResetOptions ? 3000 : 900,
});
