import {
  type ServerProcess,
  type StartOptions,
  startCapstan,
  startEtcd,
} from "../../support/server-process.js";

/** Starts the server under test: capstan, or real etcd with CAPSTAN_TEST_SUBJECT=etcd, to try the tests themselves. */
export function startSubject(options: StartOptions = {}): Promise<ServerProcess> {
  return process.env.CAPSTAN_TEST_SUBJECT === "etcd" ? startEtcd(options) : startCapstan(options);
}
