/**
 * `ValueDirectory`: whether the value log of a database is where the caller says, and that nothing is written or
 * removed in a directory of which this is not known.
 *
 * A value log in the wrong place is worse than none: recovery would take its values for lost in a power cut and
 * cut the logs that point to them, collection would remove the files of another database that nothing here
 * points to, and new files would get numbers that old pointers name. So:
 *
 *     the PAIR files of both directories agree     they belong together
 *     they contradict each other, or the options   refused
 *     there are none                               a pointer must lead to its record (pointer-evidence.ts),
 *                                                  or there is nothing to point to, and nothing to lose
 *
 * Then, in a database that is written to, both directories get their `PAIR`, before anything else is written.
 */

import { CorruptionError, MelesError } from "../base/errors.ts";
import { join } from "../base/paths.ts";
import type { Env } from "../env/env.ts";
import { type DirectoryLock, type FileSystem, listIfThere } from "../env/file-system.ts";
import { replaceFile } from "../env/replace-file.ts";
import { type DirectoryPair, isSeparate, leadsTo, placeOf } from "../format/directory-pair.ts";
import { DISCARD, MANIFEST, PAIR, PAIR_REWRITE, valueLogFileName } from "../format/file-names.ts";
import { LOG_HEADER_SIZE } from "../format/log-header.ts";
import { decodePairFile, encodePairFile, type PairFile } from "../format/pair-file.ts";
import type { DirectoryContent } from "./directory.ts";
import type { PointerEvidence } from "./pointer-evidence.ts";

export interface PairFiles {
  /** In the database's directory. */
  readonly home: PairFile | undefined;
  /** In the value directory, if it is another one. */
  readonly values: PairFile | undefined;
}

/** The pair that the options mean: two paths to one directory are one place. */
export function directoryPair(
  fileSystem: FileSystem,
  directory: string,
  valueDirectory: string | undefined,
): DirectoryPair {
  if (valueDirectory === undefined) return { directory, valueDirectory: directory };
  const [home, values] = [directory, valueDirectory].map((path) => fileSystem.info(path)?.identity);
  const isSame = home !== undefined && home === values;
  return { directory, valueDirectory: isSame ? directory : valueDirectory };
}

export function readPairFiles(fileSystem: FileSystem, pair: DirectoryPair): PairFiles {
  const read = (directory: string): PairFile | undefined => {
    const path = join(directory, PAIR);
    if (fileSystem.info(directory)?.kind !== "directory") return undefined;
    const bytes = fileSystem.info(path)?.kind === "file" ? fileSystem.readFile(path) : undefined;
    return bytes === undefined ? undefined : decodePairFile(bytes);
  };
  const home = read(pair.directory);
  return { home, values: isSeparate(pair) ? read(pair.valueDirectory) : undefined };
}

/** Whether the files say that the directories belong together; throws when they say that they do not. */
export function arePaired(pair: DirectoryPair, { home, values }: PairFiles): boolean {
  const { directory, valueDirectory } = pair;
  if (!isSeparate(pair)) {
    if (home === undefined) return false;
    throw refused(
      home.valueDirectory === directory
        ? `${directory} is the value directory of the database in ${home.directory}; open that, with this as its valueDirectory`
        : `the value log of ${directory} lies in another directory, ${home.valueDirectory} when it was last open; name it with the option valueDirectory (when it was moved back: remove ${join(directory, PAIR)})`,
    );
  }
  if (values === undefined) return false;
  if (values.id === home?.id) return true;
  // A kill may come between the two files.
  const isUnfinished =
    home === undefined &&
    values.directory === directory &&
    values.valueDirectory === valueDirectory;
  if (isUnfinished) return true;
  const its = home === undefined ? "" : `, whose value log was in ${home.valueDirectory}`;
  throw refused(
    `option valueDirectory: ${valueDirectory} belongs to the database in ${values.directory}, not to that in ${directory}${its}`,
  );
}

/**
 * For those who work on directories without opening them: throws when they say that they do not belong together.
 * False when they say nothing.
 */
export function checkPair(fileSystem: FileSystem, pair: DirectoryPair): boolean {
  if (isSeparate(pair)) requireDirectory(fileSystem, pair);
  try {
    return arePaired(pair, readPairFiles(fileSystem, pair));
  } catch (error) {
    // Damage is theirs to describe.
    if (error instanceof CorruptionError) return false;
    throw error;
  }
}

function requireDirectory(fileSystem: FileSystem, { valueDirectory }: DirectoryPair): void {
  const kind = fileSystem.info(valueDirectory)?.kind;
  if (kind === "directory") return;
  const problem = kind === undefined ? "does not exist" : "is not a directory";
  throw refused(`option valueDirectory: ${valueDirectory} ${problem}`);
}

export class ValueDirectory {
  readonly #env: Env;
  readonly #pair: DirectoryPair;
  readonly #readOnly: boolean;
  #lock: DirectoryLock | undefined;
  #files: PairFiles = { home: undefined, values: undefined };
  #isPaired = false;

  constructor(env: Env, pair: DirectoryPair, readOnly: boolean) {
    this.#env = env;
    this.#pair = pair;
    this.#readOnly = readOnly;
    this.#look();
  }

  /**
   * An authenticated directory keeps its value log where it was made: opening it takes note of every file there is,
   * so it is not tried out which ones belong to it.
   */
  requirePaired(): void {
    const { directory, valueDirectory } = this.#pair;
    const exists = this.#env.fileSystem.info(join(directory, MANIFEST)) !== undefined;
    if (!isSeparate(this.#pair) || this.#isPaired || !exists) return;
    throw refused(
      `option valueDirectory: ${valueDirectory} is not the value directory of ${directory}, and an authenticated directory keeps its own; restore a backup into a new one`,
    );
  }

  /** Before anything is locked, and again under the locks. */
  #look(): void {
    const { fileSystem } = this.#env;
    const { directory, valueDirectory } = this.#pair;
    const info = isSeparate(this.#pair) ? fileSystem.info(valueDirectory) : undefined;
    if (isSeparate(this.#pair) && (this.#readOnly || info !== undefined)) {
      requireDirectory(fileSystem, this.#pair);
    }
    this.#files = readPairFiles(fileSystem, this.#pair);
    this.#isPaired = arePaired(this.#pair, this.#files);
    // Where another database lives its values do, most likely; one that was made from the same data is not told apart.
    if (!isSeparate(this.#pair) || this.#isPaired || !this.#names().includes(MANIFEST)) return;
    throw refused(
      `option valueDirectory: ${valueDirectory} holds a database of its own; name a directory that holds the value log of ${directory} alone, or an empty one`,
    );
  }

  /** Takes the lock of a separate value directory that exists. The database's own is held. */
  lock(): void {
    const { fileSystem } = this.#env;
    const { valueDirectory } = this.#pair;
    if (!isSeparate(this.#pair) || fileSystem.info(valueDirectory) === undefined) return;
    this.#lock = fileSystem.lockDirectory(valueDirectory, this.#readOnly ? "shared" : "exclusive");
    this.#look();
  }

  release(): void {
    this.#lock?.release();
    this.#lock = undefined;
  }

  /** A database that is about to be made gets an empty value directory only. */
  requireVacant(): void {
    const { directory, valueDirectory } = this.#pair;
    if (!isSeparate(this.#pair)) return;
    const foreign = this.#names().filter(
      (name) => !HARMLESS.test(name) && !leadsTo(valueDirectory, name, directory),
    );
    if (foreign.length === 0) return;
    throw refused(
      `option valueDirectory: ${valueDirectory} is not empty, and ${directory} is no database that this could be the value log of: it holds ${foreign.slice(0, 3).join(", ")}${foreign.length > 3 ? ", …" : ""}; name a new or empty directory`,
    );
  }

  /**
   * Whether pointers have to be followed to know. With the value log in the same directory only where it holds
   * no value at all.
   *
   * @param mayPoint whether tables or logs may hold pointers
   */
  needsEvidence(content: DirectoryContent, mayPoint: boolean): boolean {
    if (this.#isPaired) return false;
    const hasValues = this.#hasValues(content);
    return isSeparate(this.#pair) ? mayPoint || hasValues : mayPoint && !hasValues;
  }

  /** In a database with everything in one place a power cut may take what logs point to; Badger's `DISCARD` tells one. */
  get isHome(): boolean {
    if (isSeparate(this.#pair)) return false;
    return this.#env.fileSystem.info(placeOf(this.#pair, DISCARD)) !== undefined;
  }

  /** Throws unless the value log is this database's, or there is nothing that could get lost. */
  judge(content: DirectoryContent, { isProven, failure }: PointerEvidence): void {
    if (isProven) return;
    const { directory, valueDirectory } = this.#pair;
    if (failure !== undefined) {
      const { file, offset, expected, actual } = failure;
      throw new CorruptionError({
        file,
        offset,
        expected: `${expected} in ${valueDirectory}, for a key in ${directory}`,
        actual: isSeparate(this.#pair)
          ? `${actual}, nor most of what else is pointed to: it is not the value log of this database; name the right valueDirectory`
          : `${actual}: its value log may lie in another directory; name it with the option valueDirectory (when it is lost, salvage takes what is left)`,
        cause: failure,
      });
    }
    if (!isSeparate(this.#pair) || this.#readOnly) return;
    if (!this.#hasValues(content)) return;
    throw refused(
      `option valueDirectory: nothing in ${directory} points into the value log in ${valueDirectory}, which may be another's; name a new or empty directory`,
    );
  }

  /** Makes the directory if need be, and puts on record that both belong together. */
  adopt(): void {
    if (this.#readOnly || !isSeparate(this.#pair)) return;
    const { fileSystem, random } = this.#env;
    const { directory, valueDirectory } = this.#pair;
    if (this.#lock === undefined) {
      fileSystem.makeDirectory(valueDirectory);
      this.lock();
    }
    const { home, values } = this.#files;
    const id = values?.id ?? home?.id ?? newId(random.fill.bind(random));
    const wanted = { id, directory, valueDirectory };
    // The database's last: where it is, the other one is known to be.
    if (!isSame(values, wanted)) this.#write(valueDirectory, wanted);
    if (!isSame(home, wanted)) this.#write(directory, wanted);
    this.#isPaired = true;
  }

  #write(directory: string, content: PairFile): void {
    const { fileSystem } = this.#env;
    replaceFile(fileSystem, directory, PAIR_REWRITE, PAIR, [encodePairFile(content)]);
  }

  #names(): readonly string[] {
    const { fileSystem } = this.#env;
    const { valueDirectory } = this.#pair;
    return listIfThere(fileSystem, valueDirectory);
  }

  #hasValues({ valueLogs }: DirectoryContent): boolean {
    return valueLogs.some((number) => {
      const path = placeOf(this.#pair, valueLogFileName(number));
      return (this.#env.fileSystem.info(path)?.size ?? 0) > LOG_HEADER_SIZE;
    });
  }
}

/** Names that may lie in a directory that is about to hold a value log. */
const HARMLESS = /^(\..*|LOCK|DISCARD|PAIR|PAIR-REWRITE|lost\+found)$/;

function isSame(a: PairFile | undefined, b: PairFile): boolean {
  return (
    a !== undefined &&
    a.id === b.id &&
    a.directory === b.directory &&
    a.valueDirectory === b.valueDirectory
  );
}

const ID_BYTES = 16;

function newId(fill: (bytes: Uint8Array) => void): string {
  const bytes = new Uint8Array(ID_BYTES);
  fill(bytes);
  return bytes.toHex();
}

function refused(message: string): MelesError {
  return new MelesError("ERR_INVALID_ARGUMENT", message);
}
