/**
 * One append-only log file on disk (write-ahead log or value log): created whole, appended by
 * position, synced, cut.
 *
 * A log appears under its name only with its header in it: Badger refuses a directory with an empty
 * `.mem` or `.vlog` (format text, hazard 4), and a kill between "create" and "write header" would
 * leave one. So the header goes to a temporary name first.
 */

import { join } from "../base/paths.ts";
import type { File, FileSystem } from "../env/file-system.ts";

/** Ends a file that is not yet what its name says. Neither engine looks at such files. */
export const TEMPORARY_SUFFIX = ".tmp";

export class LogFile {
  readonly name: string;
  readonly file: File;
  /** Bytes were written since the last sync began. */
  #dirty = false;
  /** The background sync under way, and the one that is to follow it. */
  #syncing: Promise<void> | undefined;
  #followUp: Promise<void> | undefined;
  /** After a failed sync nobody knows what the disk holds, and the kernel reports it only once. */
  #failure: unknown;

  private constructor(name: string, file: File) {
    this.name = name;
    this.file = file;
  }

  /** Creates `name` with `header` as its content. The name becomes durable with the next directory sync. */
  static create(
    fileSystem: FileSystem,
    directory: string,
    name: string,
    header: Uint8Array,
  ): LogFile {
    const path = join(directory, name);
    const temporary = path + TEMPORARY_SUFFIX;
    const draft = fileSystem.open(temporary, { write: true, create: "truncate" });
    try {
      draft.write(header, 0, header.length, 0);
    } finally {
      draft.close();
    }
    fileSystem.rename(temporary, path);
    const log = LogFile.open(fileSystem, directory, name, true);
    log.#dirty = true;
    return log;
  }

  static open(fileSystem: FileSystem, directory: string, name: string, writable: boolean): LogFile {
    const file = fileSystem.open(join(directory, name), { write: writable, create: "never" });
    return new LogFile(name, file);
  }

  /** A power cut may take bytes that were written: a sync is due, under way, or has failed. */
  get isDirty(): boolean {
    return this.#dirty || this.#syncing !== undefined || this.#failure !== undefined;
  }

  /** Nobody knows what the disk holds: a sync or a cut has failed, and nothing is written any more. */
  get hasFailed(): boolean {
    return this.#failure !== undefined;
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    if (this.#failure !== undefined) throw this.#failure;
    this.#dirty = true;
    this.file.write(source, sourceOffset, length, position);
  }

  /** Everything written is durable when this returns. Once a sync has failed all further ones do. */
  sync(): void {
    if (this.#failure !== undefined) throw this.#failure;
    // A background sync under way has promised nothing yet.
    if (!this.isDirty) return;
    this.#dirty = false;
    try {
      this.file.sync();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
  }

  /** Like `sync` without blocking, for what is written now. */
  syncInBackground(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#syncing === undefined) return this.#dirty ? this.#startSync() : Promise.resolve();
    if (!this.#dirty) return this.#syncing;
    // One more covers everybody who wrote during the one under way.
    this.#followUp ??= this.#syncing.then(() => {
      this.#followUp = undefined;
      return this.syncInBackground();
    });
    return this.#followUp;
  }

  #startSync(): Promise<void> {
    this.#dirty = false;
    this.#syncing = this.file
      .syncInBackground()
      .catch((error: unknown) => {
        this.#failure = error;
        throw error;
      })
      .finally(() => {
        this.#syncing = undefined;
      });
    return this.#syncing;
  }

  /** Cuts a torn end off, before anything is written. */
  truncate(size: number): void {
    this.#dirty = true;
    this.file.truncate(size);
  }

  /**
   * Takes a failed write back, for good: the next write goes to the same place, and were both unsynced, a
   * power cut could leave sectors of the one between sectors of the other, which nobody could tell from
   * damage.
   */
  cutBack(size: number): void {
    try {
      this.truncate(size);
    } catch (error) {
      this.#failure ??= error;
      throw error;
    }
    this.sync();
  }

  /** Closes a file that is removed: nobody needs its bytes on disk any more. */
  abandon(): void {
    this.#dirty = false;
    this.close();
  }

  /** Closes once a background sync under way has ended. */
  close(): void {
    const running = this.#syncing;
    if (running === undefined) this.file.close();
    else running.then(() => this.file.close()).catch(() => this.file.close());
  }
}
