import { parseServerUrl } from "../config/server-url.js";

/** The peer URLs of a new member, sorted and as etcd writes them; undefined when they are none (CL-03). */
export function checkPeerUrls(texts: readonly string[]): string[] | undefined {
  if (texts.length === 0) return undefined;
  const urls: string[] = [];
  for (const text of texts) {
    const outcome = parseServerUrl(text.trim());
    if (!outcome.ok) return undefined;
    urls.push(outcome.url.text);
  }
  return urls.sort();
}
