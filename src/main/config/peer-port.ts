import { readFileSync } from "node:fs";
import { createSecureContext } from "node:tls";
import type { PeerListenOptions, PeerTlsOptions } from "../../shared/control/raft-control.js";
import { type LogNote, note } from "./log-note.js";
import { osErrorText } from "./os-error.js";
import type { PeerTlsFiles, ServerConfig, ServerUrl } from "./server-config.js";

/** How the peer port is opened, with the lines it draws; or why it cannot be. */
export type PeerPortOutcome =
  | {
      readonly ok: true;
      readonly options: PeerListenOptions;
      readonly notes: readonly LogNote[];
    }
  | { readonly ok: false; readonly error: string };

/**
 * Reads what the peer port needs: addresses and, where its URLs say https, the files of TLS. Texts as etcd
 * has them; docs/facts/flags.md section 1.
 */
export function peerPort(config: ServerConfig): PeerPortOutcome {
  const { listenPeerUrls, peerTls } = config;
  const secure = listenPeerUrls.find((url) => url.scheme === "https");
  const fault = filesFault(peerTls, secure);
  if (fault !== undefined) return { ok: false, error: fault };
  try {
    const tls = secure === undefined ? undefined : readTls(peerTls);
    const options = {
      listen: listenPeerUrls.map(hostPort),
      advertise: config.initialAdvertisePeerUrls.map(({ text }) => text),
      tls,
    };
    return { ok: true, options, notes: listenPeerUrls.flatMap((url) => ignored(url, peerTls)) };
  } catch (error) {
    return { ok: false, error: osErrorText(error) };
  }
}

function filesFault(files: PeerTlsFiles, secure: ServerUrl | undefined): string | undefined {
  const { certFile, keyFile } = files;
  if (certFile === "" && keyFile === "") {
    return secure === undefined
      ? undefined
      : `cannot listen on TLS for ${hostPort(secure)}: KeyFile and CertFile are not presented`;
  }
  if (certFile !== "" && keyFile !== "") return undefined;
  return `KeyFile and CertFile must both be present[key: ${keyFile}, cert: ${certFile}]`;
}

function readTls(files: PeerTlsFiles): PeerTlsOptions {
  const { trustedCaFile } = files;
  const ca = trustedCaFile === "" ? undefined : readFileSync(trustedCaFile, "utf8");
  const cert = readFileSync(files.certFile, "utf8");
  const key = readFileSync(files.keyFile, "utf8");
  checkPem(files, { cert, key, ca });
  // A CA alone makes certificates mandatory, as in etcd.
  return { cert, key, ca, clientCertAuth: files.clientCertAuth || ca !== undefined };
}

/** A broken file is found now, by name, and not by the first handshake. */
function checkPem(
  files: PeerTlsFiles,
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

/** TLS settings mean nothing to a URL of clear text. */
function ignored(url: ServerUrl, files: PeerTlsFiles): LogNote[] {
  if (url.scheme === "https") return [];
  const fields = { "peer-url": url.text };
  const notes: LogNote[] = [];
  if (files.certFile !== "" || files.keyFile !== "") {
    const message =
      "scheme is HTTP while key and cert files are present; ignoring key and cert files";
    notes.push(note("warn", message, fields));
  }
  if (files.clientCertAuth) {
    const message =
      "scheme is HTTP while --peer-client-cert-auth is enabled; ignoring client cert auth for this URL";
    notes.push(note("warn", message, fields));
  }
  return notes;
}

function hostPort(url: ServerUrl): string {
  return url.host.includes(":") ? `[${url.host}]:${url.port}` : `${url.host}:${url.port}`;
}
