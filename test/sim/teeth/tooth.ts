import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

/** A deliberate mistake: one place in one compiled file of the server, and what stands there instead. */
export interface Tooth {
  /** Names the mistake, and the folder of its tree. */
  readonly name: string;
  /** Under dist/src. */
  readonly file: string;
  /** Stands there exactly once. */
  readonly find: string;
  readonly replace: string;
}

/** What a simulation needs of the compiled tree. */
const PARTS = [
  "src",
  "test/sim",
  "test/support",
  "test/wal/support",
  "test/apply/support",
  "test/store/support",
  "test/watch/support",
];

/** Copies the compiled tree and makes the mistake in the copy. Gives the simulator's path there. */
export function makeBrokenTree(root: string, tooth: Tooth): string {
  const tree = join(root, "dist-teeth", tooth.name);
  rmSync(tree, { recursive: true, force: true });
  mkdirSync(tree, { recursive: true });
  for (const part of PARTS) {
    cpSync(join(root, "dist", part), join(tree, part), {
      recursive: true,
      filter: (path) => !path.endsWith(".map"),
    });
  }
  writeFileSync(join(tree, "src", tooth.file), brokenText(root, tooth));
  return join(tree, "test", "sim", "main.js");
}

/** The file with the mistake. Throws unless the place for it is there exactly once. */
export function brokenText(root: string, { name, file, find, replace }: Tooth): string {
  const parts = readFileSync(join(root, "dist", "src", file), "utf8").split(find);
  if (parts.length !== 2) {
    throw new Error(`${name}: its place is ${parts.length - 1} times in ${file}, not once`);
  }
  return parts.join(replace);
}

/** Removes the copy. */
export function removeBrokenTree(program: string): void {
  rmSync(dirname(dirname(dirname(program))), { recursive: true, force: true });
}
