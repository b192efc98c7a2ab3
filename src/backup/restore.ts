/**
 * Restore: the entries of a backup stream, with the versions they had, handed on in batches.
 *
 * The stream has no checksum: what its structure does not forbid is taken as it is. Keys of the engine
 * (`!badger!…`) and markers that end a producer's stream are left out; bits that meant something in the
 * directory the backup was made of are cleared.
 */

import { startsWith } from "../base/bytes.ts";
import { CorruptionError, MelesError } from "../base/errors.ts";
import { KEY_SIZE_MAX, RESERVED_KEY_PREFIX, type Version, VERSION_MAX } from "../base/ids.ts";
import type { BackupEntry } from "../format/backup-frame.ts";
import { META_IN_TRANSACTION, META_POINTER, META_TRANSACTION_END } from "../format/stored-value.ts";
import type { BackupRun } from "./backup.ts";
import { type BackupPiece, FrameReader } from "./frame-reader.ts";
import type { Origin } from "./origin.ts";

/** A version of a key as it goes into the database. */
export interface VersionedEntry {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly version: Version;
  readonly meta: number;
  readonly userMeta: number;
  /** Unix seconds, 0 = never. */
  readonly expiresAt: number;
}

export interface RestoreTarget {
  /** Longest value taken. */
  readonly valueSizeMax: number;
  /** Resolves when all of them are written; what they are views of is reused then. */
  write(entries: readonly VersionedEntry[]): Promise<void>;
}

export interface Restored {
  /** The largest version restored, 0 if there was nothing. */
  readonly version: Version;
  readonly entries: number;
}

/** Bits that meant something in the directory of the backup. */
const FOREIGN_BITS = META_POINTER | META_IN_TRANSACTION | META_TRANSACTION_END;
/** What a key and the numbers of an entry can add to its value. */
const ENTRY_OVERHEAD_MAX = KEY_SIZE_MAX + 64;

/**
 * Reads the stream to its end. After a failure everything in front of it is written, and `told` has the
 * sums so far.
 */
export class RestoreRun {
  readonly #origin: Origin;
  readonly #target: RestoreTarget;
  readonly #run: BackupRun;
  #version: Version = 0;
  #entries = 0;

  constructor(origin: Origin, target: RestoreTarget, run: BackupRun) {
    this.#origin = origin;
    this.#target = target;
    this.#run = run;
  }

  /** What was restored so far. */
  get told(): Restored {
    return { version: this.#version, entries: this.#entries };
  }

  async finish(): Promise<void> {
    const { onProgress, checkpoint } = this.#run;
    const frames = new FrameReader(this.#origin, this.#target.valueSizeMax + ENTRY_OVERHEAD_MAX);
    try {
      for (;;) {
        const piece = await frames.next();
        checkpoint();
        if (piece === undefined) return;
        await this.#write(piece);
        const totalBytes = this.#origin.sizeBytes ?? 0;
        onProgress?.({ bytes: frames.offset, totalBytes, entries: this.#entries });
        await new Promise<void>((resume) => setImmediate(resume));
      }
    } catch (error) {
      // Being stopped can look like the end of the stream.
      checkpoint();
      throw this.#explained(error);
    }
  }

  async #write(piece: BackupPiece): Promise<void> {
    const { entries, offset } = piece;
    const batch: VersionedEntry[] = [];
    let problem: MelesError | undefined;
    for (const entry of entries) {
      if (entry.streamDone || startsWith(entry.key, RESERVED_KEY_PREFIX)) continue;
      problem = this.#problemOf(entry, offset);
      if (problem !== undefined) break;
      const { key, value, version, userMeta = 0, expiresAt } = entry;
      batch.push({ key, value, version, meta: entry.meta & ~FOREIGN_BITS, userMeta, expiresAt });
    }
    await this.#target.write(batch);
    this.#entries += batch.length;
    for (const { version } of batch) this.#version = Math.max(this.#version, version);
    if (problem !== undefined) throw problem;
  }

  #problemOf({ key, value, version }: BackupEntry, offset: number): MelesError | undefined {
    const { name } = this.#origin;
    if (key.length === 0 || key.length > KEY_SIZE_MAX) {
      const expected = `a key of 1 to ${KEY_SIZE_MAX} bytes`;
      return new CorruptionError({ file: name, offset, expected, actual: `${key.length} bytes` });
    }
    if (value.length > this.#target.valueSizeMax) {
      return new MelesError(
        "ERR_VALUE_TOO_LARGE",
        `${name} holds a value of ${value.length} bytes; at most ${this.#target.valueSizeMax} fit into ` +
          "this database, open it with a larger valueLogFileSize",
      );
    }
    // The last two versions are the engine's: one marks own writes, one stays free for the next commit.
    if (version > VERSION_MAX - 2) {
      return new MelesError(
        "ERR_UNSUPPORTED_FORMAT",
        `${name} holds version ${version}, which leaves none for further commits`,
      );
    }
    return undefined;
  }

  /** The same failure, saying that what came before it stays. */
  #explained(error: unknown): unknown {
    if (!(error instanceof MelesError) || this.#entries === 0) return error;
    const count = this.#entries;
    const said = `the ${count === 1 ? "entry" : `${count} entries`} before that are restored and stay`;
    if (error instanceof CorruptionError) {
      const { file, offset, expected, actual } = error;
      return new CorruptionError({
        file,
        offset,
        expected,
        actual: `${actual} (${said})`,
        cause: error,
      });
    }
    return new MelesError(error.code, `${error.message}; ${said}`, { cause: error });
  }
}
