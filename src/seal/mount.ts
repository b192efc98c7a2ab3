/**
 * Mounting: from the register in the directory to a `SealRegister`, with a look at every sealed file's header.
 * The directory is locked. For writing, a new session begins: what is there gets its mark, what was removed and
 * came back with a power cut goes, and the register is written anew before any file of the session is made.
 */

import { CorruptionError, IoError } from "../base/errors.ts";
import { equalBytes } from "../base/bytes.ts";
import { join } from "../base/paths.ts";
import { listIfThere } from "../env/file-system.ts";
import type { File } from "../env/file-system.ts";
import { renew } from "../env/renew.ts";
import { located } from "../format/damage.ts";
import { directoriesOf, namesOf, placeOf } from "../format/directory-pair.ts";
import { MANIFEST, SEAL } from "../format/file-names.ts";
import {
  decodeSealedHeader,
  SEALED_HEADER_SIZE,
  type SealedHeader,
} from "../format/sealed-file.ts";
import { type RegisterState, replayRegister, type SealMark } from "../format/seal-register.ts";
import { authenticate } from "./authority.ts";
import { MasterAuthority } from "./master-authority.ts";
import { type RegisterParts, SealRegister } from "./register.ts";
import { SealedJournal } from "./sealed-journal.ts";
import { isLog, sealedName } from "./sealed-names.ts";

export interface Mounted {
  readonly register: SealRegister;
  /** What shows that the directory was tampered with. The files themselves are judged when they are read. */
  readonly findings: readonly CorruptionError[];
}

interface StoredRegister {
  readonly state: RegisterState;
  readonly frames: number;
}

/** A register for a directory that holds nothing yet. */
export function createRegister(parts: RegisterParts): SealRegister {
  const register = new SealRegister(parts, {
    keys: new Map(),
    session: 1,
    marks: new Map(),
    removed: new Set(),
    successor: undefined,
  });
  register.install();
  return register;
}

/**
 * Only looks.
 *
 * @param isLenient a file that the disk refuses is left to whoever reads it
 */
export function mountForReading(parts: RegisterParts, isLenient: boolean): Mounted {
  const stored = readRegister(parts);
  const register = new SealRegister(parts, stored.state);
  return { register, findings: new Survey(parts, stored, register, isLenient).findings };
}

/** Begins a session, unless there are findings, which are thrown. `masterKey`: what the register lies under from now on. */
export function mountForWriting(parts: RegisterParts, masterKey?: Uint8Array): SealRegister {
  const stored = readRegister(parts);
  const { state } = stored;
  const survey = new Survey(parts, stored, new SealRegister(parts, state));
  const [finding] = survey.findings;
  if (finding !== undefined) throw finding;
  const { fileSystem } = parts.env;
  // A process that was killed may have put it on record without a sync that they are gone.
  if (survey.returned.length > 0) syncRegister(parts);
  for (const name of survey.returned) fileSystem.remove(placeOf(parts.pair, name));
  // What is on record as being there must not go with a power cut.
  for (const directory of directoriesOf(parts.pair)) fileSystem.syncDirectory(directory);
  const register = new SealRegister(parts, {
    keys: state.keys,
    session: state.session + 1,
    marks: survey.marks,
    removed: new Set(),
    successor: undefined,
  });
  register.install(masterKey);
  return register;
}

function syncRegister({ env, pair }: RegisterParts): void {
  const path = join(pair.directory, SEAL);
  const file = env.fileSystem.open(path, { write: true, create: "never" });
  try {
    renew(file, 0, Number.POSITIVE_INFINITY);
    file.sync();
  } finally {
    file.close();
  }
}

function readRegister(parts: RegisterParts): StoredRegister {
  const { env, pair, masterKey } = parts;
  const file = env.fileSystem.open(join(pair.directory, SEAL), { write: false, create: "never" });
  const master = new MasterAuthority(masterKey, env.random);
  const journal = new SealedJournal(file, SEAL, master, { verify: true });
  try {
    if (journal.damage !== undefined) throw journal.damage;
    const bytes = new Uint8Array(journal.size());
    journal.read(bytes, 0, bytes.length, 0);
    return { state: replayRegister(bytes), frames: journal.frames };
  } catch (error) {
    throw located(error, SEAL, 0);
  } finally {
    journal.close();
  }
}

/** What the headers of all sealed files say, against what the register says. */
class Survey {
  readonly findings: CorruptionError[] = [];
  readonly marks = new Map<string, SealMark>();
  /** Removed files that are there. */
  readonly returned: string[] = [];
  readonly #parts: RegisterParts;
  readonly #stored: StoredRegister;
  readonly #register: SealRegister;

  readonly #isLenient: boolean;

  constructor(
    parts: RegisterParts,
    stored: StoredRegister,
    register: SealRegister,
    isLenient = false,
  ) {
    this.#isLenient = isLenient;
    this.#parts = parts;
    this.#stored = stored;
    this.#register = register;
    const { state } = stored;
    const there = new Set<string>();
    for (const fileName of namesOf(parts.pair, (directory) =>
      listIfThere(parts.env.fileSystem, directory),
    )) {
      const sealed = sealedName(fileName);
      if (sealed === undefined || sealed.isDraft) continue;
      const { name } = sealed;
      if (state.removed.has(name)) this.returned.push(name);
      else if (this.#look(name)) there.add(name);
    }
    for (const { name } of state.marks.values()) {
      if (there.has(name) || !(name === MANIFEST || isLog(name))) continue;
      this.#find(name, 0, "the sealed file that the register has on record", "no such file");
    }
  }

  /** False when there is no telling what the file is: nothing of it has reached the disk. */
  #look(name: string): boolean {
    const header = this.#headerOf(name);
    const mark = this.#stored.state.marks.get(name);
    if (header === undefined) {
      // The mark stays, so that the right file can be put back.
      if (mark !== undefined) this.marks.set(name, mark);
      return mark !== undefined;
    }
    const { session, registerFrames, salt } = header;
    const { state, frames } = this.#stored;
    if (session > state.session || (session === state.session && registerFrames > frames)) {
      this.#find(SEAL, 0, `the register that ${name} was made under`, "an older one");
    }
    if (!this.#register.knows(name, header)) {
      if (mark !== undefined) this.marks.set(name, mark);
      return true;
    }
    const isKnown = mark !== undefined && equalBytes(mark.salt, salt);
    const successor = state.successor?.name === name ? state.successor : undefined;
    const isSuccessor = successor !== undefined && equalBytes(successor.salt, salt);
    const unknown = { name, salt, frames: 0, tag: new Uint8Array(0) };
    this.marks.set(name, isSuccessor ? successor : isKnown ? mark : unknown);
    return true;
  }

  /** `undefined` when there is none. */
  #headerOf(name: string): SealedHeader | undefined {
    const { env, pair } = this.#parts;
    const bytes = new Uint8Array(SEALED_HEADER_SIZE);
    let file: File | undefined;
    try {
      file = env.fileSystem.open(placeOf(pair, name), { write: false, create: "never" });
      const got = file.read(bytes, 0, bytes.length, 0);
      if (got < bytes.length || bytes.every((byte) => byte === 0)) return undefined;
      authenticate(this.#register.readingGrant(), name, bytes);
      return decodeSealedHeader(bytes);
    } catch (error) {
      if (error instanceof IoError && this.#isLenient) return undefined;
      if (!(error instanceof CorruptionError)) throw error;
      this.findings.push(error);
      return undefined;
    } finally {
      file?.close();
    }
  }

  #find(file: string, offset: number, expected: string, actual: string): void {
    this.findings.push(new CorruptionError({ file, offset, expected, actual }));
  }
}
