/** Where and what, so that an operator finds the place without a second look. */
export interface WalPlace {
  readonly file: string;
  /** Byte offset in the file. */
  readonly offset: number;
}

/** The log is damaged where it must not be. Refused: nothing was changed on disk. */
export class WalCorruptError extends Error {
  readonly place: WalPlace;
  readonly expected: string;

  constructor(place: WalPlace, expected: string) {
    super(`WAL is corrupt: ${place.file} at offset ${place.offset}: expected ${expected}`);
    this.name = "WalCorruptError";
    this.place = place;
    this.expected = expected;
  }
}

/** A segment that the log cannot be read without is not there. */
export class WalMissingSegmentError extends Error {
  constructor(file: string, because: string) {
    super(`WAL segment is missing: ${file}: ${because}`);
    this.name = "WalMissingSegmentError";
  }
}

/** A segment was written by a newer program. It is whole: a newer capstan can read it. */
export class WalTooNewError extends Error {
  readonly version: number;

  constructor(file: string, version: number, supported: number) {
    super(
      `WAL is too new: ${file} has format version ${version}, ` +
        `this program reads up to version ${supported}`,
    );
    this.name = "WalTooNewError";
    this.version = version;
  }
}

/** A file in the log's directory that looks like a segment and is not one of this log. */
export class WalForeignFileError extends Error {
  constructor(file: string, reason: string) {
    super(`WAL directory holds a file that is not of this log: ${file}: ${reason}`);
    this.name = "WalForeignFileError";
  }
}

/** Opened where no log is. */
export class WalNotFoundError extends Error {
  constructor(directory: string) {
    super(`no WAL in ${directory}`);
    this.name = "WalNotFoundError";
  }
}

/** Created where a log is. */
export class WalExistsError extends Error {
  constructor(directory: string) {
    super(`there is a WAL already in ${directory}`);
    this.name = "WalExistsError";
  }
}

/**
 * The disk failed under the log. Final: what the disk holds of unacknowledged bytes is unknown after
 * a failed write or sync, and a second try could succeed without having written anything.
 */
export class WalFailedError extends Error {
  readonly diskFull: boolean;

  constructor(directory: string, cause: unknown, diskFull: boolean) {
    const what = diskFull ? "disk is full" : "disk failed";
    super(`WAL stopped: ${what}: ${directory}: ${cause instanceof Error ? cause.message : cause}`, {
      cause,
    });
    this.name = "WalFailedError";
    this.diskFull = diskFull;
  }
}
