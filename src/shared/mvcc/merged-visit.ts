import type { DeltaIndex, DeltaIndexCursor } from "./delta-index.js";
import type { DeltaReader } from "./delta-reader.js";
import { RecordField, RecordFlag } from "./delta-record.js";
import { keyString } from "./key-string.js";
import { KeyVersion } from "./key-version.js";
import type { KeyBounds } from "./range-bounds.js";
import type { BaseReader, KeyRecord } from "./types.js";

/** What a read joins: the base, and the delta with its index. */
export interface ReadSources {
  readonly base: BaseReader;
  readonly delta: DeltaReader;
  readonly index: DeltaIndex;
}

/** Called with each version; returns false to stop. */
export type VersionVisitor = (version: KeyVersion) => boolean;

/** Points `version` at a change in the delta; undefined if the change is a tombstone. */
export function versionInDelta(
  sources: ReadSources,
  version: KeyVersion,
  change: number,
): KeyVersion | undefined {
  const generation = sources.index.generationOf(change);
  const segment = sources.delta.segment(generation.segmentOf(change));
  const offset = generation.offsetOf(change);
  const flags = segment.view.getUint32(offset + RecordField.flags, true);
  return (flags & RecordFlag.tombstone) === 0 ? version.setDelta(segment, offset) : undefined;
}

/**
 * Points `version` at the base's newest revision of a key with main <= `at`; undefined if there is none or
 * it is a tombstone. The base may hold newer ones: a snapshot can be ahead of what was published.
 */
export function versionInBase(
  base: BaseReader,
  version: KeyVersion,
  found: { readonly key: Uint8Array; readonly record: KeyRecord; readonly at: number },
): KeyVersion | undefined {
  const { key, record, at } = found;
  const newest = record.revisions[record.revisions.length - 1];
  if (newest !== undefined && newest.main <= at) {
    return newest.tombstone ? undefined : version.setBase(key, newest, record);
  }
  const revision = base.keyRevisionAt(key, record, at);
  if (revision === undefined || revision.tombstone) return undefined;
  return version.setBase(key, revision, undefined);
}

/**
 * Visits the keys of a non-empty range that are alive at a revision, in ascending order: the keys of the
 * base with those of the delta merged in. Where the delta has a change of a key at or below `at`, it is
 * newer than or the same as what the base has.
 */
export function visitMerged(
  sources: ReadSources,
  range: { readonly bounds: KeyBounds; readonly at: number },
  visitor: VersionVisitor,
): void {
  const { bounds, at } = range;
  const merge = new Merge(sources, at, visitor);
  const cursor = sources.index.size === 0 ? undefined : openCursor(sources.index, bounds);
  let stopped = false;
  sources.base.visitKeys(bounds.start, bounds.end, (key, record) => {
    stopped = !merge.baseKey(cursor, key, record);
    return !stopped;
  });
  if (!stopped && cursor !== undefined) {
    merge.deltaKeysBefore(cursor, bounds.end === undefined ? undefined : keyString(bounds.end));
  }
}

function openCursor(index: DeltaIndex, bounds: KeyBounds): DeltaIndexCursor {
  return index.cursor(keyString(bounds.start));
}

/** One merged visit: the version that moves, and who looks at it. */
class Merge {
  readonly #sources: ReadSources;
  readonly #at: number;
  readonly #visitor: VersionVisitor;
  readonly #version: KeyVersion;

  constructor(sources: ReadSources, at: number, visitor: VersionVisitor) {
    this.#sources = sources;
    this.#at = at;
    this.#visitor = visitor;
    this.#version = new KeyVersion(sources.base);
  }

  /** Visits a key of the base after the delta's keys before it; false to stop. */
  baseKey(cursor: DeltaIndexCursor | undefined, key: Uint8Array, record: KeyRecord): boolean {
    if (cursor?.key !== undefined) {
      const text = keyString(key);
      if (!this.deltaKeysBefore(cursor, text)) return false;
      if (cursor.key === text) {
        const change = this.#sources.index.newest(text, this.#at);
        cursor.next();
        if (change >= 0) return this.#visitChange(change);
      }
    }
    const found = { key, record, at: this.#at };
    const version = versionInBase(this.#sources.base, this.#version, found);
    return version === undefined || this.#visitor(version);
  }

  /** Visits keys that only the delta has, up to `end`; false to stop. */
  deltaKeysBefore(cursor: DeltaIndexCursor, end: string | undefined): boolean {
    while (cursor.key !== undefined && (end === undefined || cursor.key < end)) {
      const change = this.#sources.index.newest(cursor.key, this.#at);
      cursor.next();
      if (change >= 0 && !this.#visitChange(change)) return false;
    }
    return true;
  }

  #visitChange(change: number): boolean {
    const version = versionInDelta(this.#sources, this.#version, change);
    return version === undefined || this.#visitor(version);
  }
}
