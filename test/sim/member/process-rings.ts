import type { Bell } from "../../../src/shared/ring/bell.js";
import { createRing } from "../../../src/shared/ring/layout.js";
import { RingReader } from "../../../src/shared/ring/reader.js";
import { RingWriter } from "../../../src/shared/ring/writer.js";

/** Small, so that they are full now and then. */
const RING_BYTES = 8 * 1024;

/** The two ends of a ring. */
export interface RingEnds {
  readonly reader: RingReader;
  readonly writer: RingWriter;
}

/** The six rings between the three actors of a process. */
export interface ProcessRings {
  readonly mainToRaft: RingEnds;
  readonly raftToMain: RingEnds;
  readonly mainToApply: RingEnds;
  readonly applyToMain: RingEnds;
  readonly raftToApply: RingEnds;
  readonly applyToRaft: RingEnds;
}

/** Makes them over the actors' bells. */
export function makeProcessRings(bells: {
  readonly main: Bell;
  readonly raft: Bell;
  readonly apply: Bell;
}): ProcessRings {
  const { main, raft, apply } = bells;
  return {
    mainToRaft: ring(main, raft),
    raftToMain: ring(raft, main),
    mainToApply: ring(main, apply),
    applyToMain: ring(apply, main),
    raftToApply: ring(raft, apply),
    applyToRaft: ring(apply, raft),
  };
}

function ring(producer: Bell, consumer: Bell): RingEnds {
  const buffer = createRing(RING_BYTES);
  const bells = { producer, consumer };
  return { reader: new RingReader(buffer, bells), writer: new RingWriter(buffer, bells) };
}
