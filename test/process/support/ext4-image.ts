import { execFile } from "node:child_process";
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { eventually } from "./eventually.js";

const run = promisify(execFile);
const PROGRAMS = [
  "mkfs.ext4",
  "mount",
  "umount",
  "losetup",
  "xfs_io",
  "truncate",
  "fallocate",
] as const;
const FILL_PIECE_BYTES = 1024 * 1024;
const UNMOUNT_TRIES = 50;
const DETACH_TIMEOUT_MS = 120_000;

/** Why file systems cannot be mounted here, or false. In CI it is always false: the test fails, not skips. */
export function skipWithoutImages(): string | false {
  if (process.env.CI === "true") return false;
  if (process.platform !== "linux") return "file system images are mounted on Linux only";
  if (process.getuid?.() !== 0) return "only root can mount a file system image";
  if (!existsSync("/dev/loop-control")) return "no loop devices here";
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"];
  const missing = PROGRAMS.filter(
    (name) => !folders.some((folder) => existsSync(join(folder, name))),
  );
  return missing.length > 0 ? `not installed: ${missing.join(", ")}` : false;
}

/** An ext4 file system of its own in a file, whose power can be cut. */
export class Ext4Image {
  readonly #folder: string;
  /** Where it is mounted. */
  readonly mountPoint: string;
  #mounted = false;

  private constructor(folder: string) {
    this.#folder = folder;
    this.mountPoint = join(folder, "mount");
  }

  /** Makes the image, sparse, and mounts it. Dispose it afterwards. */
  static async make(size: string): Promise<Ext4Image> {
    const image = new Ext4Image(mkdtempSync(join(tmpdir(), "capstan-image-")));
    try {
      await run("truncate", ["-s", size, image.#file]);
      await run("mkfs.ext4", ["-q", "-m", "0", image.#file]);
      mkdirSync(image.mountPoint);
      await image.mount();
    } catch (error) {
      await image.dispose();
      throw error;
    }
    return image;
  }

  get #file(): string {
    return join(this.#folder, "image");
  }

  /** Mounts it; after a cut, ext4 replays its journal. */
  async mount(): Promise<void> {
    await run("mount", ["-o", "loop", this.#file, this.mountPoint]);
    this.#mounted = true;
  }

  /** Takes this much space, or all that is left, by a file; gives its path. */
  fill(name: string, bytes = Number.POSITIVE_INFINITY): string {
    const path = join(this.mountPoint, name);
    const fd = openSync(path, "w");
    try {
      // In ever smaller pieces: the last one takes the last block.
      let piece = Buffer.alloc(FILL_PIECE_BYTES, 1);
      for (let filled = 0; filled < bytes && piece.length > 0; ) {
        try {
          filled += writeSync(fd, piece);
        } catch (error) {
          if (!(error instanceof Error && "code" in error && error.code === "ENOSPC")) throw error;
          piece = piece.subarray(0, Math.floor(piece.length / 2));
        }
      }
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    return path;
  }

  /**
   * Cuts the power: from this instant nothing more reaches the image. What was not synced is lost, and
   * every write and sync fails.
   */
  async cut(): Promise<void> {
    await run("xfs_io", ["-x", "-c", "shutdown", this.mountPoint]);
  }

  /** Unmounts it, which detaches the loop device. Whoever used it must have ended. */
  async unmount(): Promise<void> {
    // The kernel lets go of a killed process's files a moment after its end was seen.
    for (let tries = 1; this.#mounted; tries += 1) {
      try {
        await run("umount", [this.mountPoint]);
        this.#mounted = false;
      } catch (error) {
        if (tries === UNMOUNT_TRIES) throw error;
        await delay(100);
      }
    }
    await this.#untilDetached();
  }

  /** Other mount namespaces, such as those that network namespaces bring along, may hold it a while longer. */
  async #untilDetached(): Promise<void> {
    await eventually(DETACH_TIMEOUT_MS, async () => {
      const { stdout } = await run("losetup", ["-j", this.#file]);
      return stdout.trim() === "" || undefined;
    });
  }

  /** Unmounts and removes it. */
  async dispose(): Promise<void> {
    await this.unmount();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
