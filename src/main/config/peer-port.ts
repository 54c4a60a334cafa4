import type { PeerListenOptions } from "../../shared/control/raft-control.js";
import type { LogNote } from "./log-note.js";
import { osErrorText } from "./os-error.js";
import type { ServerConfig, ServerUrl, TlsFiles } from "./server-config.js";
import { ignoredTlsFiles, readTlsFiles, tlsFilesFault, urlAddress } from "./tls-files.js";

/** How the peer port is opened, with the lines it draws; or why it cannot be. */
export type PeerPortOutcome =
  | {
      readonly ok: true;
      readonly options: PeerListenOptions;
      readonly notes: readonly LogNote[];
    }
  | { readonly ok: false; readonly error: string };

const KIND = { field: "peer-url", authFlag: "--peer-client-cert-auth" } as const;

/**
 * Reads what the peer port needs: addresses and, where its URLs say https, the files of TLS. Texts as etcd
 * has them; docs/facts/flags.md section 1.
 */
export function peerPort(config: ServerConfig): PeerPortOutcome {
  const { listenPeerUrls, peerTls } = config;
  const secure = listenPeerUrls.find((url) => url.scheme === "https");
  const fault = tlsFilesFault(peerTls) ?? missingFiles(peerTls, secure);
  if (fault !== undefined) return { ok: false, error: fault };
  try {
    const options = {
      listen: listenPeerUrls.map(urlAddress),
      advertise: config.initialAdvertisePeerUrls.map(({ text }) => text),
      tls: secure === undefined ? undefined : readTlsFiles(peerTls),
    };
    const notes = listenPeerUrls.flatMap((url) => ignoredTlsFiles(url, peerTls, KIND));
    return { ok: true, options, notes };
  } catch (error) {
    return { ok: false, error: osErrorText(error) };
  }
}

function missingFiles(files: TlsFiles, secure: ServerUrl | undefined): string | undefined {
  if (secure === undefined || files.certFile !== "") return undefined;
  return `cannot listen on TLS for ${urlAddress(secure)}: KeyFile and CertFile are not presented`;
}
