import { Http2Transport } from "../../src/main/transport/http2-transport.js";
import { describeConformance } from "./conformance.js";

describeConformance("http2", (options) => new Http2Transport(options), { cancelsAtOnce: 3000 });
