/**
 * The manifest on disk: which tables exist, appended record by record, rewritten when mostly history.
 *
 * A record is one atomic change, and durable before anybody acts on it (I6). When the disk is full, what
 * was written of it is cut off and the next append may succeed; any other failed append leaves the
 * fate of the record unknown, and the manifest then refuses further changes until reopened.
 */

import { assert } from "../base/assert.ts";
import { CorruptionError, MelesError } from "../base/errors.ts";
import { renew } from "../env/renew.ts";
import type { FileNumber, Version } from "../base/ids.ts";
import { join } from "../base/paths.ts";
import type { File, FileSystem } from "../env/file-system.ts";
import type { StoredCut } from "../format/cut.ts";
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
  #newestVersion: Version;
  #droppedEndVersion: Version = 0;
  #cutsThin = true;
  /** By version, oldest first. */
  readonly #cuts = new Map<Version, StoredCut>();
  #file: File | undefined;
  #end: number;
  #deletions = 0;
  /** The background sync under way; never rejects. */
  #syncing: Promise<void> | undefined;
  #failure: unknown;
  #onFailure: (error: unknown) => void = () => undefined;

  private constructor(
    fileSystem: FileSystem,
    directory: string,
    externalMagic: number,
    tables: Map<FileNumber, ManifestCreate>,
    thinnedVersion: Version,
    newestVersion: Version,
    end: number,
  ) {
    this.#fileSystem = fileSystem;
    this.#directory = directory;
    this.#externalMagic = externalMagic;
    this.#tables = tables;
    this.#thinnedVersion = thinnedVersion;
    this.#newestVersion = newestVersion;
    this.#end = end;
  }

  /** Whether the directory has a manifest. */
  static exists(fileSystem: FileSystem, directory: string): boolean {
    return fileSystem.info(join(directory, MANIFEST)) !== undefined;
  }

  /** A new, empty manifest, durable before this returns. */
  static create(fileSystem: FileSystem, directory: string, externalMagic: number): ManifestLog {
    const log = new ManifestLog(fileSystem, directory, externalMagic, new Map(), 0, 0, 0);
    log.#installDraft(log.#writeDraft());
    return log;
  }

  /** Replays the manifest, and changes nothing: `settle` comes before the first change. */
  static open(fileSystem: FileSystem, directory: string, externalMagic: number): ManifestLog {
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
    let newest = 0;
    let deletions = 0;
    for (const set of replay.changeSets) {
      thinned = Math.max(thinned, set.thinnedVersion ?? 0);
      newest = Math.max(newest, set.newestVersion ?? 0);
      deletions += set.changes.filter((change) => change.op === "delete").length;
    }
    const tables = new Map(replay.tables);
    const log = new ManifestLog(
      fileSystem,
      directory,
      externalMagic,
      tables,
      thinned,
      newest,
      replay.validEnd,
    );
    log.#deletions = deletions;
    for (const set of replay.changeSets) {
      log.#droppedEndVersion = Math.max(log.#droppedEndVersion, set.droppedEndVersion ?? 0);
      log.#applyCuts(set);
    }
    return log;
  }

  /**
   * Makes what was read what there is: cuts a torn tail off and makes the rest durable. A killed process may
   * have written the last record, or put the file in place, without a sync, and what follows builds on it,
   * removing files first of all. Only now: a directory that is refused stays as it is.
   *
   * @param wasInterrupted the process before did not end by itself
   */
  settle(wasInterrupted = true): void {
    const path = join(this.#directory, MANIFEST);
    const file = this.#fileSystem.open(path, { write: true, create: "never" });
    this.#file = file;
    if (file.size() > this.#end) file.truncate(this.#end);
    if (wasInterrupted) renew(file, 0, this.#end);
    file.sync();
    this.#fileSystem.syncDirectory(this.#directory);
  }

  /** Live tables. */
  get tables(): ReadonlyMap<FileNumber, ManifestCreate> {
    return this.#tables;
  }

  /** Reads below this version may miss what compaction has dropped; 0 = nothing was dropped. */
  get thinnedVersion(): Version {
    return this.#thinnedVersion;
  }

  /** The newest version when the last change was made; versions go on above it. */
  get newestVersion(): Version {
    return this.#newestVersion;
  }

  /** Deletions up to this version may have left no trace; 0 = all can be told. */
  get droppedEndVersion(): Version {
    return this.#droppedEndVersion;
  }

  /** Cuts that may still hide something, oldest first. */
  get cuts(): readonly StoredCut[] {
    return [...this.#cuts.values()];
  }

  get largestTable(): FileNumber {
    let largest = 0;
    for (const fileNumber of this.#tables.keys()) largest = Math.max(largest, fileNumber);
    return largest;
  }

  get sizeBytes(): number {
    return this.#end;
  }

  /** Whether changes are still taken: a failed append that left nothing behind does not end that. */
  get isUsable(): boolean {
    return this.#failure === undefined;
  }

  /** Calls `listener` once, when the fate of a change is unknown and no further one is taken. */
  onFailure(listener: (error: unknown) => void): void {
    this.#onFailure = listener;
  }

  /** Makes one change durable. */
  append(set: ManifestChangeSet): void {
    this.#requireUsable();
    // Of two records that are not durable a power cut may take the first alone, which looks like damage.
    if (this.#syncing !== undefined) this.#sync(this.#requireFile());
    this.#sync(this.#write(set));
    this.#shortenIfLong();
  }

  /**
   * The same with the sync off this thread. `make` is called when its turn has come, after the syncs of
   * earlier changes; without a change nothing is done, and the result is false. The change counts in here
   * as soon as it is written; whoever acts on it waits for the promise.
   */
  async appendInBackground(make: () => ManifestChangeSet | undefined): Promise<boolean> {
    while (this.#syncing !== undefined) await this.#syncing;
    this.#requireUsable();
    const set = make();
    if (set === undefined) return false;
    const synced = this.#write(set).syncInBackground();
    this.#syncing = synced.catch(() => undefined);
    try {
      await synced;
    } catch (error) {
      this.#fail(error);
      throw error;
    } finally {
      this.#syncing = undefined;
    }
    // The blocking sync of another change may have failed meanwhile.
    this.#requireUsable();
    this.#shortenIfLong();
    return true;
  }

  #requireUsable(): void {
    if (this.#failure === undefined) return;
    throw new MelesError("ERR_IO", "an earlier manifest write failed; reopen the database", {
      cause: this.#failure,
    });
  }

  #requireFile(): File {
    assert(this.#file !== undefined, "a manifest that takes changes is open for writing");
    return this.#file;
  }

  #write(set: ManifestChangeSet): File {
    for (const { version } of set.cuts ?? []) this.noteCut(version);
    const file = this.#requireFile();
    const record = encodeManifestRecord({
      ...set,
      thinnedVersion: Math.max(this.#thinnedVersion, set.thinnedVersion ?? 0),
      newestVersion: Math.max(this.#newestVersion, set.newestVersion ?? 0),
      droppedEndVersion: Math.max(this.#droppedEndVersion, set.droppedEndVersion ?? 0),
    });
    try {
      file.write(record, 0, record.length, this.#end);
    } catch (error) {
      if (!isDiskFull(error) || !this.#cutBack(file)) this.#fail(error);
      throw error;
    }
    this.#end += record.length;
    this.#apply(set);
    return file;
  }

  #sync(file: File): void {
    try {
      file.sync();
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  #shortenIfLong(): void {
    // A file whose sync is under way must not be replaced under it.
    if (this.#syncing !== undefined || this.#deletions <= REWRITE_DELETIONS) return;
    if (this.#deletions > REWRITE_RATIO * this.#tables.size) this.#shorten();
  }

  /** Tables of unknown origin: whoever wrote them may have dropped versions below this one. */
  noteThinned(version: Version): void {
    this.#thinnedVersion = Math.max(this.#thinnedVersion, version);
  }

  /** A managed database: a cut takes its keys from all versions, and older ones of other keys stay readable. */
  keepHistory(): void {
    this.#cutsThin = false;
  }

  /** A log has committed a cut: no older state can be told any more. Lasts with the next change. */
  noteCut(version: Version): void {
    if (this.#cutsThin) this.#thinnedVersion = Math.max(this.#thinnedVersion, version);
    this.#droppedEndVersion = Math.max(this.#droppedEndVersion, version);
  }

  #fail(error: unknown): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#onFailure(error);
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
    this.#newestVersion = Math.max(this.#newestVersion, set.newestVersion ?? 0);
    this.#droppedEndVersion = Math.max(this.#droppedEndVersion, set.droppedEndVersion ?? 0);
    this.#applyCuts(set);
  }

  #applyCuts({ cuts = [], endedCuts = [] }: ManifestChangeSet): void {
    for (const cut of cuts) this.#cuts.set(cut.version, cut);
    for (const version of endedCuts) this.#cuts.delete(version);
  }

  /**
   * Removes what a failed write has left behind the last whole record, for good: after a power cut,
   * sectors of it between those of the next record would look like damage.
   */
  #cutBack(file: File): boolean {
    try {
      file.truncate(this.#end);
      file.sync();
      return true;
    } catch {
      return false;
    }
  }

  /** As long as the draft is not in place the long manifest stays good, and a later change tries again. */
  #shorten(): void {
    let end: number;
    try {
      end = this.#writeDraft();
    } catch {
      return;
    }
    try {
      this.#installDraft(end);
    } catch (error) {
      this.#fail(error);
      throw error;
    }
  }

  /** Writes the net state to a new file; returns its size. */
  #writeDraft(): number {
    const changes: ManifestChange[] = [...this.#tables.values()];
    const header = encodeManifestHeader(this.#externalMagic);
    const record = encodeManifestRecord({
      changes,
      thinnedVersion: this.#thinnedVersion,
      newestVersion: this.#newestVersion,
      droppedEndVersion: this.#droppedEndVersion,
      cuts: this.cuts,
    });
    const path = join(this.#directory, MANIFEST_REWRITE);
    const draft = this.#fileSystem.open(path, { write: true, create: "truncate" });
    try {
      draft.write(header, 0, header.length, 0);
      draft.write(record, 0, record.length, header.length);
      draft.sync();
    } finally {
      draft.close();
    }
    return header.length + record.length;
  }

  /** Puts the draft in the manifest's place. */
  #installDraft(end: number): void {
    const path = join(this.#directory, MANIFEST);
    this.#fileSystem.rename(join(this.#directory, MANIFEST_REWRITE), path);
    this.#fileSystem.syncDirectory(this.#directory);
    this.#file?.close();
    this.#file = this.#fileSystem.open(path, { write: true, create: "never" });
    this.#end = end;
    this.#deletions = 0;
  }

  close(): void {
    this.#file?.close();
    this.#file = undefined;
  }
}

function isDiskFull(error: unknown): boolean {
  return error instanceof MelesError && error.code === "ERR_DISK_FULL";
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
