/**
 * The manifest on disk: which tables exist, appended record by record, rewritten when mostly history.
 *
 * A record is one atomic change and is synced before `append` returns (I6). A failed append leaves the
 * fate of the record unknown; the manifest then refuses further changes until reopened.
 */

import { assert } from "../base/assert.ts";
import { CorruptionError, MelesError } from "../base/errors.ts";
import type { FileNumber, Version } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { File, FileSystem } from "../env/file-system.ts";
import { MANIFEST, MANIFEST_REWRITE } from "../format/file-names.ts";
import {
  encodeManifestRecord,
  type ManifestChange,
  type ManifestChangeSet,
  type ManifestCreate,
} from "../format/manifest-change.ts";
import { encodeManifestHeader, replayManifest } from "../format/manifest-replay.ts";

/** Badger rewrites when more than this many deletions are on record … */
const REWRITE_DELETIONS = 10_000;
/** … and more than this many times the live tables. */
const REWRITE_RATIO = 10;

export class ManifestLog {
  readonly #fileSystem: FileSystem;
  readonly #directory: string;
  readonly #externalMagic: number;
  readonly #tables: Map<FileNumber, ManifestCreate>;
  #thinnedVersion: Version;
  #file: File | undefined;
  #end: number;
  #deletions = 0;
  #failure: unknown;

  private constructor(
    fileSystem: FileSystem,
    directory: string,
    externalMagic: number,
    tables: Map<FileNumber, ManifestCreate>,
    thinnedVersion: Version,
    end: number,
    file: File | undefined,
  ) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#externalMagic = externalMagic;
    this.#tables = tables;
    this.#thinnedVersion = thinnedVersion;
    this.#end = end;
    this.#file = file;
  }

  /** Whether the directory has a manifest. */
  static exists(fileSystem: FileSystem, directory: string): boolean {
    return fileSystem.info(join(directory, MANIFEST)) !== undefined;
  }

  /** A new, empty manifest, durable before this returns. */
  static create(fileSystem: FileSystem, directory: string, externalMagic: number): ManifestLog {
    const log = new ManifestLog(fileSystem, directory, externalMagic, new Map(), 0, 0, undefined);
    log.#rewrite();
    return log;
  }

  /** Replays the manifest; a torn tail is cut off unless `readOnly`. */
  static open(
    fileSystem: FileSystem,
    directory: string,
    externalMagic: number,
    readOnly: boolean,
  ): ManifestLog {
    const path = join(directory, MANIFEST);
    const bytes = fileSystem.readFile(path);
    if (bytes === undefined) {
      throw new MelesError("ERR_NOT_A_DATABASE", `${directory} holds no MANIFEST`);
    }
    const replay = replayNamed(bytes);
    if (replay.headerExternalMagic !== externalMagic) {
      throw new MelesError(
        "ERR_UNSUPPORTED_FORMAT",
        `the directory has external magic ${replay.headerExternalMagic}, the option externalMagic says ${externalMagic}`,
      );
    }
    let thinned = 0;
    for (const set of replay.changeSets) thinned = Math.max(thinned, set.thinnedVersion ?? 0);
    let file: File | undefined;
    if (!readOnly) {
      file = fileSystem.open(path, { write: true, create: "never" });
      if (replay.validEnd < bytes.length) {
        file.truncate(replay.validEnd);
        file.sync();
      }
    }
    const tables = new Map(replay.tables);
    return new ManifestLog(
      fileSystem,
      directory,
      externalMagic,
      tables,
      thinned,
      replay.validEnd,
      file,
    );
  }

  /** Live tables. */
  get tables(): ReadonlyMap<FileNumber, ManifestCreate> {
    return this.#tables;
  }

  /** Reads below this version may miss what compaction has dropped; 0 = nothing was dropped. */
  get thinnedVersion(): Version {
    return this.#thinnedVersion;
  }

  get largestTable(): FileNumber {
    let largest = 0;
    for (const fileNumber of this.#tables.keys()) largest = Math.max(largest, fileNumber);
    return largest;
  }

  get sizeBytes(): number {
    return this.#end;
  }

  /** Makes one change durable. */
  append(set: ManifestChangeSet): void {
    if (this.#failure !== undefined) {
      throw new MelesError("ERR_IO", "an earlier manifest write failed; reopen the database", {
        cause: this.#failure,
      });
    }
    this.#apply(set);
    try {
      if (
        this.#deletions > REWRITE_DELETIONS &&
        this.#deletions > REWRITE_RATIO * this.#tables.size
      ) {
        this.#rewrite();
      } else {
        this.#appendRecord(encodeManifestRecord(set));
      }
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  #apply(set: ManifestChangeSet): void {
    for (const change of set.changes) {
      if (change.op === "create") {
        assert(!this.#tables.has(change.fileNumber), "a table number is used once");
        this.#tables.set(change.fileNumber, change);
      } else {
        this.#tables.delete(change.fileNumber);
        this.#deletions++;
      }
    }
    this.#thinnedVersion = Math.max(this.#thinnedVersion, set.thinnedVersion ?? 0);
  }

  #appendRecord(record: Uint8Array): void {
    const file = this.#file;
    assert(file !== undefined, "a manifest that takes changes is open for writing");
    file.write(record, 0, record.length, this.#end);
    file.sync();
    this.#end += record.length;
  }

  /** Writes the net state to a new file and puts it in the manifest's place. */
  #rewrite(): void {
    const temporary = join(this.#directory, MANIFEST_REWRITE);
    const path = join(this.#directory, MANIFEST);
    const changes: ManifestChange[] = [...this.#tables.values()];
    const header = encodeManifestHeader(this.#externalMagic);
    const record = encodeManifestRecord({ changes, thinnedVersion: this.#thinnedVersion });
    const draft = this.#fileSystem.open(temporary, { write: true, create: "truncate" });
    try {
      draft.write(header, 0, header.length, 0);
      draft.write(record, 0, record.length, header.length);
      draft.sync();
    } finally {
      draft.close();
    }
    this.#fileSystem.rename(temporary, path);
    this.#fileSystem.syncDirectory(this.#directory);
    this.#file?.close();
    this.#file = this.#fileSystem.open(path, { write: true, create: "never" });
    this.#end = header.length + record.length;
    this.#deletions = 0;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

function replayNamed(bytes: Uint8Array): ReturnType<typeof replayManifest> {
  try {
    return replayManifest(bytes);
  } catch (error) {
    if (!(error instanceof CorruptionError) || error.file !== "") throw error;
    const { offset, expected, actual } = error;
    throw new CorruptionError({ file: MANIFEST, offset, expected, actual, cause: error });
  }
}
