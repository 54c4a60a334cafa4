import { nowUs } from "../load/clock.js";
import type { ProgressView } from "../load/measure.js";
import type { LoadLimits } from "../load/plan.js";

/** Where a bar is drawn. */
export interface BarOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

const REDRAW_MS = 200;
const COLUMNS_DEFAULT = 80;
const BAR_CHARS_MIN = 10;

/** A bar that shows how far a run is; on a terminal only. */
export class ProgressBar implements ProgressView {
  readonly #output: BarOutput;
  #timer: NodeJS.Timeout | undefined;

  constructor(output: BarOutput) {
    this.#output = output;
  }

  start(limits: LoadLimits, ended: () => number): void {
    if (this.#output.isTTY !== true) return;
    const startedUs = nowUs();
    const draw = (): void => {
      const seconds = (nowUs() - startedUs) / 1_000_000;
      const columns = (this.#output.columns ?? COLUMNS_DEFAULT) - 1;
      this.#output.write(`\r${barText({ limits, seconds, ended: ended() }, columns)}`);
    };
    this.#timer = setInterval(draw, REDRAW_MS);
    draw();
  }

  stop(): void {
    if (this.#timer === undefined) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
    // Erases the line: what follows is printed where the bar was.
    this.#output.write("\r\u001b[K");
  }
}

/** Where a run is. */
export interface RunPosition {
  readonly limits: LoadLimits;
  readonly seconds: number;
  readonly ended: number;
}

/** One line of at most so many columns: a bar, a share, calls, and calls per second. */
export function barText({ limits, seconds, ended }: RunPosition, columns: number): string {
  const share = Math.min(1, Math.max(ended / limits.calls, seconds / limits.seconds));
  const rate = seconds > 0 ? Math.round(ended / seconds) : 0;
  const of = Number.isFinite(limits.calls) ? ` / ${limits.calls}` : "";
  const text = ` ${Math.floor(share * 100)}% ${ended}${of} ${rate}/s`;
  const width = Math.max(BAR_CHARS_MIN, columns - text.length - 2);
  const done = Math.floor(share * width);
  return `[${"=".repeat(done)}${" ".repeat(width - done)}]${text}`.slice(0, columns);
}
