import { join } from "node:path";
import { findEtcdProgram } from "../../support/server-process.js";

/** Whose members a cluster is made of. */
export type Subject = "capstan" | "etcd";

/** The server under test: capstan, or real etcd with CAPSTAN_TEST_SUBJECT=etcd, to try the tests themselves. */
export const SUBJECT: Subject = process.env.CAPSTAN_TEST_SUBJECT === "etcd" ? "etcd" : "capstan";

const CAPSTAN_MAIN = join(import.meta.dirname, "..", "..", "..", "src", "main", "main.js");

/** The command that starts a member, without its flags. */
export function subjectCommand(subject: Subject): readonly string[] {
  if (subject === "capstan") return [process.execPath, "--enable-source-maps", CAPSTAN_MAIN];
  const program = findEtcdProgram("etcd");
  if (program === undefined) throw new Error("no etcd program");
  return [program];
}
