/**
 * The simulated disk: directories of files, with a page cache that a kill leaves alone and a power loss
 * does not. Names, like bytes, are durable only once synced; unsynced changes of names survive a power
 * loss in order up to some point, or each for itself. Renaming is atomic in all cases.
 *
 * Processes see it through `ProcessFiles`; nothing here fails or counts.
 */

import { posix } from "node:path";
import type { SeededRandom } from "../../src/env/seeded-random.ts";
import type { DiskFile } from "./disk-file.ts";
import { type Loss } from "./disk-file.ts";

type NameChange =
  | { readonly kind: "link"; readonly name: string; readonly file: DiskFile }
  | { readonly kind: "unlink"; readonly name: string }
  | {
      readonly kind: "rename";
      readonly from: string;
      readonly to: string;
      readonly file: DiskFile;
    };

/** What a power loss does to names: nothing new survives, a first part does, or any of it. */
type NameLoss = "none" | "prefix" | "any" | "all";

export class DiskDirectory {
  /** As programs see them. */
  readonly names = new Map<string, DiskFile>();
  #durable = new Map<string, DiskFile>();
  #unsynced: NameChange[] = [];
  /** Who holds the directory's lock; a process that died holds nothing. */
  holders: { readonly mode: "shared" | "exclusive"; readonly isAlive: () => boolean }[] = [];

  /** The same names for the copies of the files that `copyOf` gives. */
  clone(copyOf: (file: DiskFile) => DiskFile): DiskDirectory {
    const other = new DiskDirectory();
    for (const [name, file] of this.names) other.names.set(name, copyOf(file));
    for (const [name, file] of this.#durable) other.#durable.set(name, copyOf(file));
    other.#unsynced = this.#unsynced.map((change) =>
      change.kind === "unlink" ? change : { ...change, file: copyOf(change.file) },
    );
    return other;
  }

  link(name: string, file: DiskFile): void {
    this.#change({ kind: "link", name, file });
  }

  unlink(name: string): void {
    this.#change({ kind: "unlink", name });
  }

  /** Both names lie in this directory. */
  rename(from: string, to: string, file: DiskFile): void {
    this.#change({ kind: "rename", from, to, file });
  }

  #change(change: NameChange): void {
    carryOut(this.names, change);
    this.#unsynced.push(change);
  }

  sync(): void {
    for (const change of this.#unsynced) carryOut(this.#durable, change);
    this.#unsynced = [];
  }

  losePower(loss: NameLoss, random: SeededRandom): void {
    const kept = loss === "prefix" ? random.below(this.#unsynced.length + 1) : 0;
    this.#unsynced.forEach((change, index) => {
      const survives =
        loss === "all" ||
        (loss === "prefix" && index < kept) ||
        (loss === "any" && random.below(2) === 0);
      if (survives) carryOut(this.#durable, change);
    });
    this.#unsynced = [];
    this.names.clear();
    for (const [name, file] of this.#durable) this.names.set(name, file);
    this.holders = [];
  }
}

function carryOut(names: Map<string, DiskFile>, change: NameChange): void {
  if (change.kind === "link") names.set(change.name, change.file);
  else if (change.kind === "unlink") names.delete(change.name);
  else {
    names.delete(change.from);
    names.set(change.to, change.file);
  }
}

const LOSSES: readonly Loss[] = ["none", "prefix", "sectors", "pages", "all"];
const NAME_LOSSES: readonly NameLoss[] = ["none", "prefix", "any", "all"];

export class SimulatedDisk {
  readonly #directories = new Map<string, DiskDirectory>([["/", new DiskDirectory()]]);

  /** Another disk in the same state. */
  clone(): SimulatedDisk {
    const copies = new Map<DiskFile, DiskFile>();
    const copyOf = (file: DiskFile): DiskFile => {
      let copy = copies.get(file);
      if (copy === undefined) {
        copy = file.clone();
        copies.set(file, copy);
      }
      return copy;
    };
    const other = new SimulatedDisk();
    for (const [path, directory] of this.#directories) {
      other.#directories.set(path, directory.clone(copyOf));
    }
    return other;
  }

  directory(path: string): DiskDirectory | undefined {
    return this.#directories.get(posix.resolve("/", path));
  }

  /** Durable at once, as the file system contract says. */
  makeDirectory(path: string): DiskDirectory {
    const absolute = posix.resolve("/", path);
    let directory = this.#directories.get(absolute);
    if (directory === undefined) {
      directory = new DiskDirectory();
      this.#directories.set(absolute, directory);
    }
    return directory;
  }

  /** The directory a path lies in, and its name there. */
  locate(path: string): { directory: DiskDirectory | undefined; name: string } {
    const absolute = posix.resolve("/", path);
    const directory = this.#directories.get(posix.dirname(absolute));
    return { directory, name: posix.basename(absolute) };
  }

  file(path: string): DiskFile | undefined {
    const { directory, name } = this.locate(path);
    return directory?.names.get(name);
  }

  /**
   * The power fails. With `least`, everything that was not synced is gone; otherwise the random source
   * decides, for names and for every file anew.
   */
  losePower(random: SeededRandom, least = random.below(4) === 0): string {
    const told: string[] = [];
    for (const directory of this.#directories.values()) {
      const nameLoss = least ? "none" : pick(NAME_LOSSES, random);
      directory.losePower(nameLoss, random);
      for (const [name, file] of directory.names) {
        if (!file.isDirty) continue;
        const loss = least ? "none" : pick(LOSSES, random);
        const before = file.size;
        file.losePower(loss, random);
        told.push(`${name} ${loss} ${before}→${file.size}`);
      }
      if (directory.names.size > 0)
        told.push(`names ${nameLoss}: ${[...directory.names.keys()].sort().join(" ")}`);
    }
    return told.join(", ");
  }
}

function pick<T>(list: readonly T[], random: SeededRandom): T {
  return list[random.below(list.length)] as T;
}
