import { describeGrpcJsClient } from "./conformance-clients.js";
import { describeConnections } from "./conformance-connections.js";
import { describeStreams } from "./conformance-streams.js";
import { describeUnaryCalls } from "./conformance-unary.js";
import type { TransportFactory, TransportTraits } from "./harness.js";

/** What every transport behind the seam has to do, as clients see it. */
export function describeConformance(
  name: string,
  make: TransportFactory,
  traits: TransportTraits,
): void {
  describeUnaryCalls(name, make);
  describeStreams(name, make, traits);
  describeConnections(name, make);
  describeGrpcJsClient(name, make);
}
