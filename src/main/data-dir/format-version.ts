import { CAPSTAN_VERSION } from "../../shared/version.js";

/** The on-disk format that this version writes, and the newest that it reads. */
export const DATA_FORMAT = 1;

/** What a VERSION file says. */
export type FormatVersion =
  | { readonly kind: "readable" }
  | { readonly kind: "too-new"; readonly format: number; readonly writtenBy: string }
  | { readonly kind: "damaged" };

/**
 * The text of a VERSION file: one line of JSON, `{"product":"capstan","format":1,"writtenBy":"0.1.0"}`.
 * Every later version must keep these three keys, so that this one can name what it refuses.
 */
export function formatVersionText(): string {
  const version = { product: "capstan", format: DATA_FORMAT, writtenBy: CAPSTAN_VERSION };
  return `${JSON.stringify(version)}\n`;
}

/** Reads a VERSION file. Too new and damaged are different answers: only one of them calls for an update. */
export function parseFormatVersion(text: string): FormatVersion {
  let version: unknown;
  try {
    version = JSON.parse(text);
  } catch {
    return { kind: "damaged" };
  }
  if (typeof version !== "object" || version === null) return { kind: "damaged" };
  if (!("product" in version) || version.product !== "capstan") return { kind: "damaged" };
  const format = "format" in version ? version.format : undefined;
  if (typeof format !== "number" || !Number.isInteger(format) || format < 1) {
    return { kind: "damaged" };
  }
  if (format <= DATA_FORMAT) return { kind: "readable" };
  const writtenBy = "writtenBy" in version ? String(version.writtenBy) : "unknown";
  return { kind: "too-new", format, writtenBy };
}
