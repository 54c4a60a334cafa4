import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import { hostPort } from "../../shared/host-port.js";
import { type LogNote, note } from "./log-note.js";
import { osErrorText } from "./os-error.js";
import type { ServerUrl, TlsFiles } from "./server-config.js";

/** What a TLS port shows and asks for, as PEM texts. */
export interface TlsMaterial {
  readonly cert: string;
  readonly key: string;
  /** Whose certificates are taken from the other side; undefined: the system's. */
  readonly ca: string | undefined;
  /** The other side must have a certificate. */
  readonly clientCertAuth: boolean;
}

/** What is wrong with the names of the files alone, in etcd's words. */
export function tlsFilesFault({ certFile, keyFile }: TlsFiles): string | undefined {
  if ((certFile === "") === (keyFile === "")) return undefined;
  return `KeyFile and CertFile must both be present[key: ${keyFile}, cert: ${certFile}]`;
}

/** Reads the files. Throws with the file's name when one cannot be read or is not what it should be. */
export function readTlsFiles(files: TlsFiles): TlsMaterial {
  const { trustedCaFile } = files;
  const ca = trustedCaFile === "" ? undefined : readFileSync(trustedCaFile, "utf8");
  const cert = readFileSync(files.certFile, "utf8");
  const key = readFileSync(files.keyFile, "utf8");
  checkPem(files, { cert, key, ca });
  // A CA alone makes certificates mandatory, as in etcd.
  return { cert, key, ca, clientCertAuth: files.clientCertAuth || ca !== undefined };
}

/** TLS settings mean nothing to a URL of clear text. `kind` names it in the log. */
export function ignoredTlsFiles(
  url: ServerUrl,
  files: TlsFiles,
  kind: { readonly field: "client-url" | "peer-url"; readonly authFlag: string },
): LogNote[] {
  if (isSecure(url)) return [];
  const fields = { [kind.field]: url.text };
  const notes: LogNote[] = [];
  if (files.certFile !== "" || files.keyFile !== "") {
    const message =
      "scheme is HTTP while key and cert files are present; ignoring key and cert files";
    notes.push(note("warn", message, fields));
  }
  if (files.clientCertAuth) {
    const message = `scheme is HTTP while ${kind.authFlag} is enabled; ignoring client cert auth for this URL`;
    notes.push(note("warn", message, fields));
  }
  return notes;
}

/** Whether a URL is served by TLS. */
export function isSecure({ scheme }: ServerUrl): boolean {
  return scheme === "https" || scheme === "unixs";
}

/** A URL's address as `host:port`, an IPv6 host in brackets; the file of a unix socket. */
export function urlAddress({ host, port, socketPath }: ServerUrl): string {
  if (socketPath !== "") return socketPath;
  return hostPort(host, port);
}

/** A broken file is found now, by name, and not by the first handshake. */
function checkPem(
  files: TlsFiles,
  pem: { readonly cert: string; readonly key: string; readonly ca: string | undefined },
): void {
  try {
    createSecureContext({ cert: pem.cert, key: pem.key });
  } catch (error) {
    throw new Error(`${files.certFile} and ${files.keyFile}: ${osErrorText(error)}`);
  }
  if (pem.ca === undefined) return;
  if (!pem.ca.includes("-----BEGIN CERTIFICATE-----")) {
    throw new Error(`${files.trustedCaFile}: there is no certificate in it`);
  }
}
