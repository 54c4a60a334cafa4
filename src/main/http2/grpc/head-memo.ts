// Hot file: a client that gives its calls deadlines sends no two header blocks alike.
import type { HeaderField } from "../hpack/header-field.js";
import { parseRequestHead, type RequestHead } from "./request-head.js";

/** Heads that are remembered of one connection: a client calls few methods by turns. */
const HEADS_KEPT = 4;

/**
 * Parses the requests of one connection. One that differs from an earlier one in nothing but its deadline, as all of
 * grpc-go's do that have one, is not parsed again: its fields are the same objects of HPACK's table.
 */
export class HeadMemo {
  readonly #heads: RequestHead[] = [];
  #oldest = 0;

  /** The same as `parseRequestHead`. */
  parse(fields: readonly HeaderField[]): RequestHead {
    for (const known of this.#heads) {
      const head = known.withDeadlineOf(fields);
      if (head !== undefined) return head;
    }
    const head = parseRequestHead(fields);
    const deadlines = fields.filter(({ name }) => name === "grpc-timeout").length;
    if (deadlines === 1 && head.problem === undefined) {
      this.#heads[this.#oldest] = head;
      this.#oldest = (this.#oldest + 1) % HEADS_KEPT;
    }
    return head;
  }
}
