import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A certificate and its key, as PEM texts. */
export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority of its own and certificates that it signed. */
export class Authority {
  readonly cert: string;
  readonly #directory = mkdtempSync(join(tmpdir(), "capstan-ca-"));
  #issued = 0;

  constructor(name: string) {
    this.#openssl(
      "req",
      "-x509",
      ...NEW_KEY,
      "-keyout",
      "ca.key",
      "-out",
      "ca.crt",
      "-days",
      "2",
      "-subj",
      `/CN=${name}`,
    );
    this.cert = this.#read("ca.crt");
  }

  /** A certificate for these subject alternative names, such as "IP:127.0.0.1". */
  issue(...names: readonly string[]): Certificate {
    this.#issued += 1;
    const base = `issued-${this.#issued}`;
    writeFileSync(
      join(this.#directory, "extensions"),
      `subjectAltName=${names.join(",")}\nextendedKeyUsage=serverAuth,clientAuth\n`,
    );
    this.#openssl(
      "req",
      "-new",
      ...NEW_KEY,
      "-keyout",
      `${base}.key`,
      "-out",
      `${base}.csr`,
      "-subj",
      `/CN=${base}`,
    );
    this.#openssl(
      "x509",
      "-req",
      "-in",
      `${base}.csr`,
      "-CA",
      "ca.crt",
      "-CAkey",
      "ca.key",
      "-CAcreateserial",
      "-days",
      "2",
      "-extfile",
      "extensions",
      "-out",
      `${base}.crt`,
    );
    return { cert: this.#read(`${base}.crt`), key: this.#read(`${base}.key`) };
  }

  remove(): void {
    rmSync(this.#directory, { recursive: true, force: true });
  }

  #openssl(...args: readonly string[]): void {
    execFileSync("openssl", args, { cwd: this.#directory, stdio: "pipe" });
  }

  #read(name: string): string {
    return readFileSync(join(this.#directory, name), "utf8");
  }
}

const NEW_KEY = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];

/**
 * Makes certificates of one new authority as files: `ca.pem`, and for each name here, with its subject
 * alternative names, `NAME.pem` and `NAME.key`. Gives the authority's certificate.
 */
export function writeCertificates(
  directory: string,
  certificates: { readonly [name: string]: readonly string[] },
): string {
  const authority = new Authority("test ca");
  try {
    writeFileSync(join(directory, "ca.pem"), authority.cert);
    for (const [name, alternatives] of Object.entries(certificates)) {
      const { cert, key } = authority.issue(...alternatives);
      writeFileSync(join(directory, `${name}.pem`), cert);
      writeFileSync(join(directory, `${name}.key`), key);
    }
  } finally {
    authority.remove();
  }
  return authority.cert;
}
