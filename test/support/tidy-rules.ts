/** The rules of the tree, as functions over file text, so that they are tested themselves. */

/** Which rooms a room may import from; its own is always allowed. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  shared: [],
  wal: ["shared"],
  "raft-worker": ["shared", "wal"],
  "apply-worker": ["shared"],
  // `wal` for the dump command only reads a log that no server holds.
  main: ["shared", "wal"],
};

/** Relative and package imports of a file, type-only ones included. */
export function importsOf(text: string): string[] {
  return [
    ...text.matchAll(/^(?:import|export)\s[^;]*?from\s+"([^"]+)";|^import\s+"([^"]+)";/gms),
  ].map((match) => match[1] ?? match[2] ?? "");
}

/** Whether `path` (src/ROOM/…) may not import `target`. */
export function forbiddenImport(path: string, target: string): boolean {
  const room = roomOf(path);
  const other = roomOf(target);
  if (room === undefined) return false;
  if (other === undefined) return true;
  return room !== other && !(ALLOWED[room] ?? []).includes(other);
}

function roomOf(path: string): string | undefined {
  return /^src\/([^/]+)\//.exec(path)?.[1];
}

const PURE_FILES = new Set(
  ["segment-format", "frame", "records", "scan", "log-state", "recovery"].map(
    (name) => `src/wal/${name}.ts`,
  ),
);

/** Whether a file must be free of I/O, clocks and chance. */
export function isPure(path: string): boolean {
  const isCore = path.includes("/core/") || path.startsWith("src/main/http2/");
  return isCore || PURE_FILES.has(path);
}

const BANS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ["node: import", /from "node:/],
  ["async", /\basync\b|\bawait\b|\bPromise\b/],
  ["timer", /\bset(Timeout|Interval|Immediate)\b/],
  ["Date", /\bDate\b/],
  ["performance", /\bperformance\b/],
  ["Math.random", /\bMath\.random\b/],
  ["console", /\bconsole\b/],
  ["process", /\bprocess\./],
];

/** What a pure file uses and may not. Comments do not count. */
export function bannedInPureFile(text: string): string[] {
  const code = withoutComments(text);
  return BANS.filter(([, pattern]) => pattern.test(code)).map(([name]) => name);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\/\/.*$/gm, "");
}

const EXPORT = /^export (?:abstract )?(?:async )?(?:function|class|const|interface|type|let) (\w+)/;

/**
 * Names of exported declarations without a docstring above. A type beside its constant shares its docstring,
 * and so do one-line constants directly below one another.
 */
export function undocumentedExports(text: string): string[] {
  const lines = text.split("\n");
  const documented = new Set<string>();
  const missing: string[] = [];
  let shared = false;
  for (const [index, line] of lines.entries()) {
    const name = EXPORT.exec(line)?.[1];
    const isOneLine = line.startsWith("export const") && line.endsWith(";");
    if (name === undefined) {
      shared = false;
      continue;
    }
    const above = (lines[index - 1] ?? "").trim();
    const hasDoc: boolean = above.endsWith("*/") || documented.has(name) || (shared && isOneLine);
    if (hasDoc) documented.add(name);
    else missing.push(name);
    shared = hasDoc && isOneLine;
  }
  return missing;
}

/** Words that announce unfinished work. */
export function leftovers(text: string): string[] {
  return ["FIXME", "TODO", "XXX", "HACK"].filter((word) =>
    new RegExp(`(//|\\*).*\\b${word}\\b`).test(text),
  );
}
