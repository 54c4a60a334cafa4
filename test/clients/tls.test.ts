import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { writeCertificates } from "../support/certificates.js";
import { findEtcdProgram, type ServerProcess, startCapstan } from "../support/server-process.js";
import { Etcdctl } from "./support/etcdctl.js";

const skip =
  findEtcdProgram("etcdctl") === undefined && "no etcdctl on PATH or in CAPSTAN_ETCD_DIR";

for (const transport of ["http2", "grpc-js"]) describeTls(transport);

function describeTls(transport: string): void {
  describe(`etcdctl over TLS, ${transport}`, { skip }, () => {
    let dir = "";
    let server: ServerProcess | undefined;
    const file = (name: string): string => join(dir, name);

    before(async () => {
      dir = mkdtempSync(join(tmpdir(), "capstan-tls-"));
      writeCertificates(dir, { own: ["IP:127.0.0.1", "DNS:localhost"], client: ["DNS:client"] });
      server = await startCapstan({
        scheme: "https",
        flags: [
          ...["--cert-file", file("own.pem"), "--key-file", file("own.key")],
          ...["--trusted-ca-file", file("ca.pem"), "--client-cert-auth"],
          ...["--experimental-client-transport", transport],
        ],
      });
    });
    after(async () => {
      await server?.dispose();
      rmSync(dir, { recursive: true, force: true });
    });

    const etcdctl = (
      ...more: readonly string[]
    ): Promise<{ code: number | null; stdout: string }> => {
      const target = `https://${server?.target}`;
      return new Etcdctl(target).run([`--cacert=${file("ca.pem")}`, ...more]);
    };
    const known = (): string[] => [`--cert=${file("client.pem")}`, `--key=${file("client.key")}`];

    test("puts, gets and sees the member healthy with a certificate of the right authority", async () => {
      assert.equal((await etcdctl(...known(), "put", "a", "1")).stdout, "OK\n");
      assert.equal((await etcdctl(...known(), "get", "a")).stdout, "a\n1\n");
      assert.equal((await etcdctl(...known(), "endpoint", "health")).code, 0);
    });

    test("is refused without one", async () => {
      const { code } = await etcdctl("--dial-timeout=2s", "--command-timeout=2s", "get", "a");
      assert.notEqual(code, 0);
    });
  });
}
