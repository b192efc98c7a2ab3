/**
 * `SealedFileSystem`: a file system in which the files of one database are sealed (format/sealed-file.ts). What
 * lies above reads and writes the formats of an unencrypted directory and knows nothing of it; a directory
 * that is not authenticated never meets this code. Everything outside of the directory passes through.
 */

import { assert } from "../base/assert.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { IoError } from "../base/errors.ts";
import type { DirectoryLock, File, FileInfo, FileSystem, OpenMode } from "../env/file-system.ts";
import { type DirectoryPair, directoriesOf, nameIn } from "../format/directory-pair.ts";
import { DISCARD, SEAL, SEAL_REWRITE } from "../format/file-names.ts";
import type { SealMark } from "../format/seal-register.ts";
import type { SealAuthority } from "./authority.ts";
import type { SealRegister } from "./register.ts";
import { SealedImage, SealedImageWriter } from "./sealed-image.ts";
import { SealedJournal } from "./sealed-journal.ts";
import { isLog, isReplaced, sealedName, type SealedName } from "./sealed-names.ts";

/** What a directory's owner does with it on top of reading and making files. */
export interface SealOwner {
  /** Present between `lock` and `unlock`. */
  readonly register: SealRegister | undefined;
  lock(mode: "shared" | "exclusive"): void;
  unlock(): void;
}

/** Of a draft that was not synced, or is no journal. */
const UNKNOWN_END = { frames: 0, tag: EMPTY_BYTES };
/** Files of the register and hints that nobody reads: above, they do not exist. */
const HIDDEN: ReadonlySet<string> = new Set([SEAL, SEAL_REWRITE, DISCARD]);

export class SealedFileSystem implements FileSystem {
  readonly #inner: FileSystem;
  readonly #pair: DirectoryPair;
  readonly #authority: () => SealAuthority;
  readonly #owner: SealOwner | undefined;
  /** What drafts hold that were closed and not yet put in place. */
  readonly #drafts = new Map<string, SealMark>();
  /** Sizes of what value logs hold, by name, while the files have the size beside. */
  readonly #sizes = new Map<string, { readonly fileBytes: number; readonly bytes: number }>();

  /** `owner`: on the thread that has the directory open. Others get by with `authority`. */
  constructor(
    inner: FileSystem,
    pair: DirectoryPair,
    authority: () => SealAuthority,
    owner?: SealOwner,
  ) {
    this.#inner = inner;
    this.#pair = pair;
    this.#authority = authority;
    this.#owner = owner;
  }

  open(path: string, mode: OpenMode): File {
    const fileName = this.#nameOf(path);
    if (fileName === DISCARD) return new Nothing(path);
    const sealed = fileName === undefined ? undefined : sealedName(fileName);
    if (sealed === undefined || mode.outsideDatabases === true) return this.#inner.open(path, mode);
    const authority = this.#authority();
    const isNew = mode.create !== "never";
    const isBegun = isNew && isLog(sealed.name);
    if (isBegun) this.#owner?.register?.beforeLog(sealed.name);
    const file = this.#inner.open(path, mode);
    try {
      if (sealed.kind !== "image") return this.#journal(file, sealed, authority, mode.write);
      if (isNew) {
        return new SealedImageWriter(file, sealed.name, authority, (salt) => {
          if (sealed.isDraft) this.#drafts.set(path, { name: sealed.name, salt, ...UNKNOWN_END });
        });
      }
      return new SealedImage(file, sealed.name, authority);
    } catch (error) {
      file.close();
      throw error;
    }
  }

  #journal(file: File, sealed: SealedName, authority: SealAuthority, write: boolean): File {
    const { name, kind, isDraft } = sealed;
    const register = this.#owner?.register;
    const journal: SealedJournal = new SealedJournal(file, name, authority, {
      verify: kind === "log",
      onClose: () => {
        if (isDraft) this.#noteDraft(file.path, name, journal);
        else if (write) register?.noteClosed(name, journal);
      },
    });
    if (write && !isDraft) register?.noteWriter(name, journal);
    return journal;
  }

  #noteDraft(path: string, name: string, { salt, durable }: SealedJournal): void {
    if (salt === undefined) return;
    this.#drafts.set(path, { name, salt, ...(durable ?? UNKNOWN_END) });
  }

  readFile(path: string): Uint8Array | undefined {
    const name = this.#nameOf(path);
    if (name === undefined || sealedName(name) === undefined) {
      return name === DISCARD ? undefined : this.#inner.readFile(path);
    }
    let file: File;
    try {
      file = this.open(path, { write: false, create: "never" });
    } catch (error) {
      if (error instanceof IoError && error.errno === "ENOENT") return undefined;
      throw error;
    }
    try {
      const bytes = new Uint8Array(file.size());
      return bytes.subarray(0, file.read(bytes, 0, bytes.length, 0));
    } finally {
      file.close();
    }
  }

  /** The size of a value log is that of what it holds, because garbage is counted against it. */
  info(path: string): FileInfo | undefined {
    const name = this.#nameOf(path);
    if (name === DISCARD) return undefined;
    const info = this.#inner.info(path);
    const isValues = name !== undefined && sealedName(name)?.kind === "values";
    if (!isValues || info?.kind !== "file" || info.size === 0) return info;
    const known = this.#sizes.get(name);
    if (known?.fileBytes === info.size) return { kind: "file", size: known.bytes };
    const bytes = this.#contentSize(path);
    if (bytes === undefined) return info;
    this.#sizes.set(name, { fileBytes: info.size, bytes });
    return { kind: "file", size: bytes };
  }

  /** `undefined` when the disk does not say. */
  #contentSize(path: string): number | undefined {
    try {
      const file = this.open(path, { write: false, create: "never" });
      try {
        return file.size();
      } finally {
        file.close();
      }
    } catch (error) {
      if (error instanceof IoError) return undefined;
      throw error;
    }
  }

  list(directory: string): string[] {
    const names = this.#inner.list(directory);
    if (!directoriesOf(this.#pair).includes(directory)) return names;
    const register = this.#owner?.register;
    return names.filter((name) => !HIDDEN.has(name) && register?.isRemoved(name) !== true);
  }

  makeDirectory(path: string): void {
    this.#inner.makeDirectory(path);
  }

  rename(from: string, to: string): void {
    const draft = this.#drafts.get(from);
    this.#drafts.delete(from);
    const register = this.#owner?.register;
    if (draft === undefined || register === undefined || !isReplaced(draft.name)) {
      this.#inner.rename(from, to);
      return;
    }
    assert(this.#nameOf(to) === draft.name, "a draft is put in the place it was made for");
    register.beforeReplacement(draft);
    try {
      this.#inner.rename(from, to);
    } catch (error) {
      register.replacementFailed();
      throw error;
    }
  }

  remove(path: string): void {
    const name = this.#nameOf(path);
    if (name !== undefined) {
      if (isLog(name)) this.#owner?.register?.beforeRemoval(name);
      this.#sizes.delete(name);
    }
    this.#inner.remove(path);
  }

  syncDirectory(path: string): void {
    this.#inner.syncDirectory(path);
    if (path === this.#pair.directory) this.#owner?.register?.namesAreDurable();
  }

  async syncDirectoryInBackground(path: string): Promise<void> {
    const register = path === this.#pair.directory ? this.#owner?.register : undefined;
    const end = register?.namesToBeDurable();
    await this.#inner.syncDirectoryInBackground(path);
    // The directory may have been let go of meanwhile.
    if (register === this.#owner?.register) end?.();
  }

  lockDirectory(path: string, mode: "shared" | "exclusive"): DirectoryLock {
    const lock = this.#inner.lockDirectory(path, mode);
    const owner = this.#owner;
    if (path !== this.#pair.directory || owner === undefined) return lock;
    try {
      owner.lock(mode);
    } catch (error) {
      lock.release();
      throw error;
    }
    return {
      release: () => {
        try {
          owner.unlock();
        } finally {
          lock.release();
        }
      },
    };
  }

  freeBytes(path: string): number {
    return this.#inner.freeBytes(path);
  }

  join(...parts: string[]): string {
    return this.#inner.join(...parts);
  }

  /** Name of a file of the database itself. */
  #nameOf(path: string): string | undefined {
    return nameIn(this.#pair, path);
  }
}

/** A file that takes everything and holds nothing. */
class Nothing implements File {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  read(): number {
    return 0;
  }

  write(): void {
    // Nobody would read it.
  }

  sync(): void {
    // There is nothing to lose.
  }

  syncInBackground(): Promise<void> {
    return Promise.resolve();
  }

  truncate(): void {
    // It is empty.
  }

  size(): number {
    return 0;
  }

  close(): void {
    // It holds nothing open.
  }
}
