import type { LogNote } from "./log-note.js";
import { osErrorText } from "./os-error.js";
import type { ServerConfig } from "./server-config.js";
import {
  ignoredTlsFiles,
  isSecure,
  readTlsFiles,
  type TlsMaterial,
  tlsFilesFault,
  urlAddress,
} from "./tls-files.js";

/** What the ports of clients and metrics show where their URLs say https; or why they cannot be opened. */
export type ClientTlsOutcome =
  | {
      readonly ok: true;
      /** Undefined: no URL asks for it. */
      readonly tls: TlsMaterial | undefined;
      readonly notes: readonly LogNote[];
    }
  | { readonly ok: false; readonly error: string };

const KIND = { field: "client-url", authFlag: "--client-cert-auth" } as const;

/** Reads the files of the clients' TLS. Texts as etcd has them; docs/facts/flags.md section 1. */
export function clientTls(config: ServerConfig): ClientTlsOutcome {
  const { clientTls: files, listenClientUrls, listenMetricsUrls } = config;
  const secure = [...listenClientUrls, ...listenMetricsUrls].find(isSecure);
  const fault = tlsFilesFault(files);
  if (fault !== undefined) return { ok: false, error: fault };
  if (secure !== undefined && files.certFile === "") {
    const where = `for client url ${urlAddress(secure)} with HTTPS scheme`;
    return { ok: false, error: `TLS key/cert (--cert-file, --key-file) must be provided ${where}` };
  }
  try {
    const tls = secure === undefined ? undefined : readTlsFiles(files);
    const notes = listenClientUrls.flatMap((url) => ignoredTlsFiles(url, files, KIND));
    return { ok: true, tls, notes };
  } catch (error) {
    return { ok: false, error: osErrorText(error) };
  }
}
