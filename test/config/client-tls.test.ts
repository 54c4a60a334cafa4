import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { clientTls } from "../../src/main/config/client-tls.js";
import { writeCertificates } from "../support/certificates.js";
import { configOf, running } from "./config-input.js";

let dir = "";
let ca = "";
const file = (name: string): string => join(dir, name);

before(() => {
  dir = mkdtempSync(join(tmpdir(), "capstan-client-tls-"));
  ca = writeCertificates(dir, { m: ["IP:127.0.0.1"] });
  writeFileSync(file("junk"), "junk");
});
after(() => rmSync(dir, { recursive: true, force: true }));

const SECURE = ["--listen-client-urls=https://127.0.0.1:1", "--advertise-client-urls=https://a:1"];
const PLAIN = ["--listen-client-urls=http://127.0.0.1:1", "--advertise-client-urls=http://a:1"];

function tlsOf(...argv: readonly string[]) {
  return clientTls(running(configOf(argv)).config);
}

function faultOf(...argv: readonly string[]): string {
  const outcome = tlsOf(...argv);
  assert.ok(!outcome.ok);
  return outcome.error;
}

const pair = (): string[] => [`--cert-file=${file("m.pem")}`, `--key-file=${file("m.key")}`];

describe("clientTls", () => {
  test("reads the files when a URL says https; a CA makes certificates mandatory", () => {
    const plain = tlsOf(...SECURE, ...pair());
    assert.ok(plain.ok && plain.tls);
    assert.deepEqual([plain.tls.ca, plain.tls.clientCertAuth], [undefined, false]);
    const mutual = tlsOf(...SECURE, ...pair(), `--trusted-ca-file=${file("ca.pem")}`);
    assert.ok(mutual.ok && mutual.tls);
    assert.deepEqual([mutual.tls.ca, mutual.tls.clientCertAuth], [ca, true]);
  });

  test("is not read for clear text, which says so", () => {
    const outcome = tlsOf(...PLAIN, ...pair(), "--client-cert-auth");
    assert.ok(outcome.ok);
    assert.equal(outcome.tls, undefined);
    assert.deepEqual(
      outcome.notes.map(({ level, message, fields }) => [level, message.split(";")[0], fields]),
      [
        [
          "warn",
          "scheme is HTTP while key and cert files are present",
          { "client-url": "http://127.0.0.1:1" },
        ],
        [
          "warn",
          "scheme is HTTP while --client-cert-auth is enabled",
          { "client-url": "http://127.0.0.1:1" },
        ],
      ],
    );
  });

  test("says in etcd's words what is missing", () => {
    assert.equal(
      faultOf(...SECURE),
      "TLS key/cert (--cert-file, --key-file) must be provided for client url 127.0.0.1:1 with HTTPS scheme",
    );
    assert.match(
      faultOf(...PLAIN, "--listen-metrics-urls=https://127.0.0.1:2"),
      /must be provided for client url 127\.0\.0\.1:2 with HTTPS scheme$/,
    );
    assert.equal(
      faultOf(...SECURE, "--cert-file=a"),
      "KeyFile and CertFile must both be present[key: , cert: a]",
    );
  });

  test("names the file that is not there or broken", () => {
    const missing = faultOf(
      ...SECURE,
      `--cert-file=${file("m.pem")}`,
      `--key-file=${file("none")}`,
    );
    assert.match(missing, /^open .*none: no such file or directory/);
    const junk = faultOf(...SECURE, `--cert-file=${file("junk")}`, `--key-file=${file("m.key")}`);
    assert.ok(junk.startsWith(`${file("junk")} and ${file("m.key")}: `), junk);
    const badCa = faultOf(...SECURE, ...pair(), `--trusted-ca-file=${file("junk")}`);
    assert.equal(badCa, `${file("junk")}: there is no certificate in it`);
  });
});
