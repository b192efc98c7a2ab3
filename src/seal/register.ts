/**
 * `SealRegister`: keys and marks of an authenticated directory, while it is open. Main thread only.
 *
 * A file is the right one of its name when the register has its salt on record, or when it was made since the
 * register was written, in the same session; numbers are not given out twice in a session. At the next opening
 * everything that is there gets its mark. So an older file under its own name is known for one.
 *
 * A journal that only loses its end looks as after a power cut. So the register also has on record, synced,
 * how far the manifest and the logs before reached when a log was begun or removed, and which logs are gone;
 * and every file says in its header how long the register was, which therefore cannot be set back either.
 * What remains possible is to set back *everything* to an earlier state, which nothing in the directory can
 * tell, and to cut off what the newest log holds.
 */

import { CorruptionError } from "../base/errors.ts";
import { equalBytes } from "../base/bytes.ts";
import { join } from "../base/paths.ts";
import type { Env, Random } from "../env/env.ts";
import type { DirectoryPair } from "../format/directory-pair.ts";
import { MANIFEST, SEAL, SEAL_REWRITE } from "../format/file-names.ts";
import {
  decodeSealedHeader,
  type FrameCipher,
  SEAL_KEY_SIZE,
  type SealedHeader,
} from "../format/sealed-file.ts";
import {
  encodeRegisterChange,
  type RegisterChange,
  type RegisterState,
  type SealDataKey,
  type SealMark,
} from "../format/seal-register.ts";
import {
  authenticate,
  createUnder,
  type SealAuthority,
  type SealGrant,
  wrongFile,
} from "./authority.ts";
import { MasterAuthority } from "./master-authority.ts";
import { isLog } from "./sealed-names.ts";
import { SealedJournal } from "./sealed-journal.ts";

export interface RegisterParts {
  readonly env: Env;
  readonly pair: DirectoryPair;
  readonly masterKey: Uint8Array;
  /** New files get a new data key when the newest is older. */
  readonly rotationMs: number;
}

export class SealRegister implements SealAuthority {
  readonly random: Random;
  readonly #parts: RegisterParts;
  readonly #session: number;
  readonly #keys: Map<number, SealDataKey>;
  readonly #marks: Map<string, SealMark>;
  readonly #removed: Set<string>;
  #successor: SealMark | undefined;
  /** The register's file; absent in a directory that is only read. */
  #journal: SealedJournal | undefined;
  /** Frames of it that a power cut cannot take. */
  #durableFrames = 0;
  #failure: unknown;
  /** Journals that are open for writing. */
  readonly #writers = new Map<string, SealedJournal>();
  /** How far journals had come that were closed since the last change of the register. */
  readonly #closed = new Map<string, SealMark>();
  /** Logs whose names a power cut may still take. */
  readonly #unnamed = new Set<string>();

  constructor(parts: RegisterParts, state: RegisterState) {
    this.random = parts.env.random;
    this.#parts = parts;
    this.#session = state.session;
    this.#keys = new Map(state.keys);
    this.#marks = new Map(state.marks);
    this.#removed = new Set(state.removed);
    this.#successor = state.successor;
  }

  /** Writes the register anew, under `masterKey`, and goes on appending to it. */
  install(masterKey: Uint8Array = this.#parts.masterKey): void {
    const { env, pair } = this.#parts;
    const { directory } = pair;
    const { fileSystem } = env;
    if (this.#keys.size === 0) this.#addKey();
    const draft = join(directory, SEAL_REWRITE);
    const file = fileSystem.open(draft, { write: true, create: "truncate" });
    const journal = new SealedJournal(file, SEAL, new MasterAuthority(masterKey, this.random), {
      verify: true,
    });
    try {
      const state = encodeRegisterChange({
        session: this.#session,
        keys: [...this.#keys.values()],
        marks: [...this.#marks.values()],
      });
      journal.write(state, 0, state.length, 0);
      journal.sync();
      fileSystem.rename(draft, join(directory, SEAL));
      fileSystem.syncDirectory(directory);
    } catch (error) {
      journal.close();
      throw error;
    }
    this.#journal = journal;
    this.#durableFrames = journal.frames;
  }

  get isWritable(): boolean {
    return this.#journal !== undefined;
  }

  /** Puts on record what journals have come to, and ends. Never throws. */
  close(): void {
    const journal = this.#journal;
    try {
      this.#append({ marks: this.#progress() });
    } catch (error) {
      const { log } = this.#parts.env;
      log("warn", "the register could not take note of the last changes", { error: String(error) });
    }
    journal?.close();
  }

  /** Names that are no longer part of the database, though a power cut may have kept the files. */
  isRemoved(name: string): boolean {
    return this.#removed.has(name);
  }

  /** What a thread needs for one job. */
  grant(): SealGrant {
    return this.#grantUnder(this.#currentKey());
  }

  /** What it takes to read files. */
  readingGrant(): SealGrant {
    return this.#grantUnder(this.#newestKey().keyId);
  }

  #grantUnder(keyId: number): SealGrant {
    const { pair } = this.#parts;
    const keys = new Map([...this.#keys.values()].map(({ keyId: id, key }) => [id, key]));
    return { pair, session: this.#session, registerFrames: this.#durableFrames, keyId, keys };
  }

  create(name: string): ReturnType<SealAuthority["create"]> {
    return createUnder(this.grant(), name, this.random);
  }

  admit(name: string, header: Uint8Array): FrameCipher {
    const cipher = authenticate(this.readingGrant(), name, header);
    if (!this.knows(name, decodeSealedHeader(header))) {
      throw wrongFile(name, "a file of this name from another time");
    }
    return cipher;
  }

  /** Whether an authentic file is the one that belongs to its name. */
  knows(name: string, { session, salt }: SealedHeader): boolean {
    const mark = this.#marks.get(name);
    const successor = this.#successor?.name === name ? this.#successor : undefined;
    if (mark === undefined && successor === undefined) return session === this.#session;
    return [mark, successor].some((one) => one !== undefined && equalBytes(one.salt, salt));
  }

  markOf(name: string): SealMark | undefined {
    return this.#marks.get(name);
  }

  noteWriter(name: string, journal: SealedJournal): void {
    this.#writers.set(name, journal);
  }

  noteClosed(name: string, journal: SealedJournal): void {
    if (this.#writers.get(name) !== journal) return;
    const mark = this.#progressOf(name, journal);
    if (mark !== undefined) this.#closed.set(name, mark);
    this.#writers.delete(name);
  }

  /** Before a log is begun: what it goes on from is put on record. */
  beforeLog(name: string): void {
    this.#append({ marks: this.#progress() });
    this.#unnamed.add(name);
  }

  /** Before a log is removed, so that one that comes back is known for it. */
  beforeRemoval(name: string): void {
    if (this.#removed.has(name)) return;
    const marks = this.#progress().filter((mark) => mark.name !== name);
    this.#append({ marks, removed: [name] });
    this.#removed.add(name);
    this.#writers.delete(name);
    this.#marks.delete(name);
    this.#unnamed.delete(name);
  }

  /** Before a draft of the manifest takes its place: until that is durable, either may be found. */
  beforeReplacement(successor: SealMark): void {
    this.#append({ successor });
    this.#successor = successor;
  }

  replacementFailed(): void {
    this.#successor = undefined;
  }

  /** Names are durable now. */
  namesAreDurable(): void {
    this.namesToBeDurable()();
  }

  /** A sync of the names begins; call the result when it has ended. Names made meanwhile are not covered. */
  namesToBeDurable(): () => void {
    const names = [...this.#unnamed];
    const successor = this.#successor;
    return () => {
      for (const name of names) this.#unnamed.delete(name);
      if (successor === undefined || this.#successor !== successor) return;
      this.#marks.set(successor.name, successor);
      this.#append({ marks: [successor] });
      this.#successor = undefined;
    };
  }

  /** How far journals have come since they were put on record. */
  #progress(): SealMark[] {
    const marks = new Map(this.#closed);
    for (const [name, journal] of this.#writers) {
      const mark = this.#progressOf(name, journal);
      if (mark !== undefined) marks.set(name, mark);
    }
    return [...marks.values()];
  }

  #progressOf(name: string, { salt, durable }: SealedJournal): SealMark | undefined {
    // While the manifest is being replaced, a mark of the old one would say that it was not.
    const isWatched = name === MANIFEST ? this.#successor === undefined : isLog(name);
    // A log that is being synced in the background is closed after it was removed.
    if (!isWatched || this.#unnamed.has(name) || this.#removed.has(name)) return undefined;
    if (salt === undefined || durable === undefined) return undefined;
    return this.#marks.get(name)?.frames === durable.frames
      ? undefined
      : { name, salt, ...durable };
  }

  /** Durable when this returns. */
  #append(change: RegisterChange): void {
    const journal = this.#journal;
    if (journal === undefined) return;
    if (this.#failure !== undefined) throw this.#failure;
    const marks = change.marks ?? [];
    const isEmpty =
      marks.length + (change.removed?.length ?? 0) + (change.keys?.length ?? 0) === 0 &&
      change.successor === undefined;
    if (isEmpty) return;
    const bytes = encodeRegisterChange(change);
    journal.write(bytes, 0, bytes.length, journal.size());
    try {
      journal.sync();
    } catch (error) {
      this.#failure = error;
      throw error;
    }
    this.#durableFrames = journal.frames;
    this.#closed.clear();
    for (const mark of marks) this.#marks.set(mark.name, mark);
  }

  #newestKey(): SealDataKey {
    let newest: SealDataKey | undefined;
    for (const key of this.#keys.values()) {
      if (newest === undefined || key.keyId > newest.keyId) newest = key;
    }
    if (newest !== undefined) return newest;
    throw new CorruptionError({
      file: SEAL,
      offset: 0,
      expected: "a data key",
      actual: "none",
    });
  }

  /** Id of the key for new files; makes a new key when the newest is too old. */
  #currentKey(): number {
    const { env, rotationMs } = this.#parts;
    const newest = this.#newestKey();
    if (env.clock.nowMs() - newest.createdAt * 1000 < rotationMs) return newest.keyId;
    return this.#addKey();
  }

  #addKey(): number {
    let last = 0;
    for (const keyId of this.#keys.keys()) last = Math.max(last, keyId);
    const key = new Uint8Array(SEAL_KEY_SIZE);
    this.random.fill(key);
    const createdAt = Math.floor(this.#parts.env.clock.nowMs() / 1000);
    const added = { keyId: last + 1, key, createdAt };
    // Only a key that is on record may be used: what it encrypts would be lost without it.
    this.#append({ keys: [added] });
    this.#keys.set(added.keyId, added);
    return added.keyId;
  }
}
