import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import type { RootDatabase } from "lmdb";
import { assert } from "../../shared/assert.js";
import { LmdbBaseReader } from "../../shared/mvcc/base/lmdb-base-reader.js";
import {
  MetaRow,
  openEnvironment,
  openTable,
  rowCount,
  STORE_FORMAT_VERSION,
  type StoreEnvironment,
  StoreTooNewError,
  TABLE_NAMES,
} from "../../shared/mvcc/base/store-format.js";
import {
  EMPTY_STATE,
  encodeStoreState,
  type StoreState,
} from "../../shared/mvcc/base/store-state.js";
import { StoreCorruptError } from "../../shared/mvcc/types.js";
import { type CheckpointInput, writeCheckpoint } from "./checkpoint.js";
import {
  type CompactionChunk,
  type CompactionProgress,
  compactChunk,
  movedTarget,
  pendingCompaction,
} from "./compaction.js";
import { type ImportInput, writeImport } from "./import.js";
import { RowWriter } from "./row-writer.js";
import { WriteRun } from "./write-run.js";

/** Magic of the format row. */
const FORMAT_MAGIC = Buffer.from("capstan\0");
/** How the store works; for tests. */
export interface StoreOptions {
  /** Revisions that one compaction transaction looks at. Default 100,000. */
  readonly compactionRevisionsMax?: number;
}

/**
 * Random keys rewrite most of the `keys` table however few of them a transaction trims, so it takes many.
 */
const COMPACTION_REVISIONS_MAX = 100_000;

/**
 * The one writer of the durable base. At most one run is open at a time; the owner steps it every turn
 * (`run.step`) and yields to the event loop while it is opening or committing. Every run writes the state
 * row in its transaction, so the store is always at one applied index, revision and compaction.
 */
export class StoreWriter {
  /** The base as this thread reads it: its own snapshot, which runs do not move. */
  readonly reader: LmdbBaseReader;
  readonly #directory: string;
  readonly #compactionRevisionsMax: number;
  readonly #environment: StoreEnvironment;
  readonly #rows: RowWriter;
  #state: StoreState;
  #isWriting = false;
  /** The last run failed. */
  #hasFailed = false;
  #compaction: CompactionProgress | undefined;

  private constructor(directory: string, environment: StoreEnvironment, options: StoreOptions) {
    this.#directory = directory;
    this.#compactionRevisionsMax = options.compactionRevisionsMax ?? COMPACTION_REVISIONS_MAX;
    this.#environment = environment;
    this.#rows = new RowWriter(environment.tables);
    this.reader = LmdbBaseReader.open(directory);
    this.#state = this.reader.state;
    this.#compaction = pendingCompaction(this.#state);
  }

  /**
   * Opens the store of a directory, or makes an empty one. The directory must not be open in another
   * process. StoreTooNewError, StoreCorruptError: nothing was changed.
   */
  static open(directory: string, options: StoreOptions = {}): StoreWriter {
    mkdirSync(directory, { recursive: true });
    let isFresh = false;
    const environment = openEnvironment(directory, "write", (root) => {
      isFresh = isEmptyStore(root);
      if (!isFresh) checkFormat(root);
      return isFresh ? "create" : "existing";
    });
    if (isFresh) initialize(directory, environment);
    return new StoreWriter(directory, environment, options);
  }

  /** The state of the newest commit. */
  get state(): StoreState {
    return this.#state;
  }

  /** Whether a run is open: neither exit nor close until it is not. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Whether stored revisions wait for their removal; `startCompaction` then does some of it. */
  get isCompactionPending(): boolean {
    return this.#compaction !== undefined;
  }

  /**
   * Begins to bring delta changes into the store. Its `finished` gives the state that is now on disk: the
   * WAL may let go of entries up to `appliedIndex`. The reader moves only when it is refreshed.
   */
  startCheckpoint(input: CheckpointInput): WriteRun<StoreState> {
    const work = writeCheckpoint(this.#rows, this.#state, input);
    return this.#start(work, (state) => {
      this.#state = state;
      const pending = pendingCompaction(state);
      this.#compaction =
        pending && this.#compaction ? movedTarget(this.#compaction, pending.target) : pending;
    });
  }

  /** Begins the next part of the pending compaction. */
  startCompaction(): WriteRun<CompactionChunk> {
    const progress = this.#compaction;
    assert(progress, "no compaction is pending");
    return this.#start(this.#compact(progress), ({ state, progress: next }) => {
      this.#state = state;
      this.#compaction = next;
    });
  }

  /**
   * Begins to put a snapshot in the place of everything that is stored. Readers keep what they hold; a crash
   * leaves the one or the other. `finished` rejects, and nothing has changed, when the file is damaged.
   */
  startImport(input: ImportInput): WriteRun<StoreState> {
    return this.#start(writeImport(this.#rows, input), (state) => {
      this.#state = state;
      this.#compaction = pendingCompaction(state);
    });
  }

  /** Gives everything back. No run may be open, and other readers must have closed. */
  async close(): Promise<void> {
    assert(!this.#isWriting, "store closed while a run is open");
    await this.reader.close();
    const closed = this.#environment.root.close();
    // After a failed commit lmdb-js waits for its flush for ever. The file is closed at exit then.
    if (!this.#hasFailed) await closed;
  }

  *#compact(progress: CompactionProgress): Generator<void, CompactionChunk, undefined> {
    const snapshot = this.reader.pinNewest();
    try {
      return yield* compactChunk(this.#rows, snapshot, {
        progress,
        revisionsMax: this.#compactionRevisionsMax,
      });
    } finally {
      snapshot.release();
    }
  }

  #start<T>(work: Generator<void, T, undefined>, onDone: (result: T) => void): WriteRun<T> {
    assert(!this.#isWriting, "one run at a time");
    this.#isWriting = true;
    return new WriteRun({
      root: this.#environment.root,
      directory: this.#directory,
      work,
      onEnd: (result) => {
        this.#isWriting = false;
        this.#hasFailed = result === undefined;
        if (result) onDone(result.value);
      },
    });
  }
}

/**
 * Whether nothing was ever stored: no table but ours, and nothing in them (a crash may have come between
 * the making of the tables and their first rows).
 */
function isEmptyStore(root: RootDatabase<Uint8Array, Uint8Array>): boolean {
  const tables = TABLE_NAMES.map((name) => openTable(root, name, false)).filter((table) => table);
  if (rowCount(root) !== tables.length) return false;
  return tables.every((table) => table && rowCount(table) === 0);
}

/** Refuses what is not ours, or newer than us. */
function checkFormat(root: RootDatabase<Uint8Array, Uint8Array>): void {
  const meta = openTable(root, "meta", false);
  const format = meta?.getBinary(MetaRow.format);
  root.resetReadTxn();
  if (!format || Buffer.compare(format.subarray(0, FORMAT_MAGIC.length), FORMAT_MAGIC) !== 0) {
    throw new StoreCorruptError("the file is not a store of this program, or is damaged");
  }
  const version = format.readUInt32LE(FORMAT_MAGIC.length);
  if (version > STORE_FORMAT_VERSION) {
    throw new StoreTooNewError(
      `the store has format ${version}, this program knows formats up to ${STORE_FORMAT_VERSION}`,
    );
  }
}

function initialize(directory: string, { root, tables }: StoreEnvironment): void {
  const format = Buffer.alloc(FORMAT_MAGIC.length + 4);
  FORMAT_MAGIC.copy(format);
  format.writeUInt32LE(STORE_FORMAT_VERSION, FORMAT_MAGIC.length);
  const rows = new RowWriter(tables);
  root.transactionSync(() => {
    tables.meta.putSync(MetaRow.format, format);
    rows.put("meta", MetaRow.state, encodeStoreState(EMPTY_STATE));
  });
  syncDirectory(directory);
}

/** Makes the new files' names durable, not only their contents. */
function syncDirectory(directory: string): void {
  const handle = openSync(directory, "r");
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
