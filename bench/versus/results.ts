import type { Metric } from "../report/metrics.js";
import { ratioHead, ratioRows } from "../report/ratio-rows.js";
import { table } from "../report/table.js";
import type { GOALS } from "./goals.js";
import type { SubjectName } from "./subjects.js";

/** What one row showed of one server in one pair. */
export interface RowResult {
  readonly metrics: readonly Metric[];
  readonly failure?: string | undefined;
}

/** All that was measured: by row and server, one result per pair. */
export class Results {
  readonly #rows = new Map<string, Record<SubjectName, RowResult[]>>();
  readonly #goals: typeof GOALS;

  /** `goals`: none where the rows are not made on what the goals are for. */
  constructor(goals: typeof GOALS) {
    this.#goals = goals;
  }

  /** Adds the result of the next pair. */
  add(row: string, subject: SubjectName, result: RowResult): void {
    const ofRow = this.#rows.get(row) ?? { capstan: [], etcd: [] };
    ofRow[subject].push(result);
    this.#rows.set(row, ofRow);
  }

  /** Whether a call failed somewhere. */
  get hasFailures(): boolean {
    return [...this.#rows.values()].some((ofRow) =>
      [...ofRow.capstan, ...ofRow.etcd].some(({ failure }) => failure !== undefined),
    );
  }

  /** The whole table. */
  table(): string {
    const rows = [...this.#rows].flatMap(([name, { capstan, etcd }]) =>
      ratioRows(name, {
        ours: capstan.map(({ metrics }) => metrics),
        theirs: etcd.map(({ metrics }) => metrics),
        goals: this.#goals[name] ?? {},
      }),
    );
    return table([[...ratioHead("capstan", "etcd"), "goal"], ...rows], 2);
  }

  /** Everything, for JSON. */
  record(): { name: string; capstan: RowResult[]; etcd: RowResult[] }[] {
    return [...this.#rows].map(([name, ofRow]) => ({ name, ...ofRow }));
  }
}
