/*
 * Walks a WatchResponse (message fields of etcdserverpb.WatchResponse, mvccpb.Event,
 * mvccpb.KeyValue) just far enough to find the values of its events: decoding all of it would make
 * the client the slow side.
 */

const FIELD = { canceled: 4, events: 11, eventKv: 2, kvValue: 5 } as const;
const LENGTH_DELIMITED = 2;

/** What a scan found. */
export interface WatchScan {
  readonly events: number;
  readonly canceled: boolean;
}

/** Calls `onValue` with the place of each event's value within `bytes`. */
export function scanWatchResponse(bytes: Buffer, onValue: (offset: number) => void): WatchScan {
  let events = 0;
  let canceled = false;
  walk(bytes, 0, bytes.length, (field, start, end) => {
    if (field === FIELD.canceled) canceled = start !== 0;
    if (field !== FIELD.events) return;
    events += 1;
    walk(bytes, start, end, (eventField, kvStart, kvEnd) => {
      if (eventField !== FIELD.eventKv) return;
      walk(bytes, kvStart, kvEnd, (kvField, valueStart) => {
        if (kvField === FIELD.kvValue) onValue(valueStart);
      });
    });
  });
  return { events, canceled };
}

/**
 * Visits the fields of a message. A length-delimited one comes with its bounds, a varint with its
 * value and 0.
 */
function walk(
  bytes: Buffer,
  from: number,
  to: number,
  visit: (field: number, start: number, end: number) => void,
): void {
  let offset = from;
  const varint = (): number => {
    let value = 0;
    for (let shift = 1; ; shift *= 128) {
      const byte = bytes[offset] ?? 0;
      offset += 1;
      value += (byte & 0x7f) * shift;
      if (byte < 0x80 || offset >= to) return value;
    }
  };
  while (offset < to) {
    const tag = varint();
    const value = varint();
    if ((tag & 7) === LENGTH_DELIMITED) {
      visit(tag >>> 3, offset, offset + value);
      offset += value;
    } else {
      visit(tag >>> 3, value, 0);
    }
  }
}
