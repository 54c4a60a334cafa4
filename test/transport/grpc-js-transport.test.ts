import { GrpcJsTransport } from "../../src/main/transport/grpc-js-transport.js";
import { describeConformance } from "./conformance.js";

describeConformance("grpc-js", (options) => new GrpcJsTransport(options));
