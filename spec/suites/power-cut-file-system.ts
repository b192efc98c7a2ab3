/**
 * A file system that remembers what a power cut would leave: bytes that were synced, names whose
 * directory was synced. `cut()` gives the files afterwards, as a new file system in memory. What was
 * not synced is lost, or, with a random source, is partly there: any prefix of what was appended, any
 * of the names.
 */

import type {
  DirectoryLock,
  File,
  FileInfo,
  FileSystem,
  OpenMode,
} from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import type { SeededRandom } from "../../src/env/seeded-random.ts";
import { writeFile } from "./copy-file-system.ts";

/** A file apart from its names. */
interface Inode {
  /** Where its current bytes are found while it has a name. */
  path: string | undefined;
  /** Its last bytes, once it has none. */
  last: Uint8Array;
  durable: Uint8Array;
}

export class PowerCutFileSystem implements FileSystem {
  readonly #inner = new MemoryFileSystem();
  readonly #names = new Map<string, Inode>();
  readonly #durableNames = new Map<string, Inode>();
  /** Called before every operation that changes something. */
  onChange: () => void = () => undefined;
  /** When set, background syncs end, and count, only when this resolves. */
  slowSync: (() => Promise<void>) | undefined;

  /** What is left in `directory` after a power cut now; without `random`, the least there can be. */
  cut(directory: string, random?: SeededRandom): MemoryFileSystem {
    const left = new MemoryFileSystem();
    left.makeDirectory(directory);
    const names = new Set([...this.#names.keys(), ...this.#durableNames.keys()]);
    for (const path of names) {
      const keepsCurrent = random !== undefined && random.below(2) === 0;
      const inode = (keepsCurrent ? this.#names : this.#durableNames).get(path);
      if (inode !== undefined) writeFile(left, path, this.#survivingBytes(inode, random));
    }
    return left;
  }

  #survivingBytes(inode: Inode, random: SeededRandom | undefined): Uint8Array {
    const { durable } = inode;
    const current = this.#bytesOf(inode);
    if (random === undefined || current.length <= durable.length) return durable;
    return current.slice(0, durable.length + random.below(current.length - durable.length + 1));
  }

  #bytesOf({ path, last }: Inode): Uint8Array {
    return path === undefined ? last : (this.#inner.readFile(path) ?? last);
  }

  #unlink(path: string): void {
    const inode = this.#names.get(path);
    if (inode === undefined) return;
    inode.last = this.#bytesOf(inode);
    inode.path = undefined;
    this.#names.delete(path);
  }

  open(path: string, mode: OpenMode): File {
    if (mode.write) this.onChange();
    const file = this.#inner.open(path, mode);
    let inode = this.#names.get(path);
    if (inode === undefined) {
      inode = { path, last: new Uint8Array(0), durable: new Uint8Array(0) };
      this.#names.set(path, inode);
    }
    return new PowerCutFile(this, file, inode);
  }

  /** The inode's current bytes would survive. */
  makeDurable(inode: Inode): void {
    inode.durable = this.#bytesOf(inode).slice();
  }

  readFile(path: string): Uint8Array | undefined {
    return this.#inner.readFile(path);
  }

  info(path: string): FileInfo | undefined {
    return this.#inner.info(path);
  }

  list(directory: string): string[] {
    return this.#inner.list(directory);
  }

  makeDirectory(path: string): void {
    this.#inner.makeDirectory(path);
  }

  rename(from: string, to: string): void {
    this.onChange();
    const inode = this.#names.get(from);
    this.#unlink(to);
    this.#inner.rename(from, to);
    if (inode === undefined) return;
    this.#names.delete(from);
    this.#names.set(to, inode);
    inode.path = to;
  }

  remove(path: string): void {
    this.onChange();
    this.#unlink(path);
    this.#inner.remove(path);
  }

  async syncDirectoryInBackground(path: string): Promise<void> {
    this.onChange();
    if (this.slowSync !== undefined) await this.slowSync();
    this.#settleNames(path);
  }

  syncDirectory(path: string): void {
    this.onChange();
    this.#settleNames(path);
  }

  #settleNames(path: string): void {
    this.#inner.syncDirectory(path);
    const inside = (name: string): boolean => name.slice(0, name.lastIndexOf("/")) === path;
    for (const name of this.#durableNames.keys()) {
      if (inside(name) && !this.#names.has(name)) this.#durableNames.delete(name);
    }
    for (const [name, inode] of this.#names) if (inside(name)) this.#durableNames.set(name, inode);
  }

  lockDirectory(path: string, mode: "shared" | "exclusive"): DirectoryLock {
    return this.#inner.lockDirectory(path, mode);
  }

  freeBytes(path: string): number {
    return this.#inner.freeBytes(path);
  }

  join(...parts: string[]): string {
    return this.#inner.join(...parts);
  }
}

class PowerCutFile implements File {
  readonly path: string;
  readonly #system: PowerCutFileSystem;
  readonly #inner: File;
  readonly #inode: Inode;

  constructor(system: PowerCutFileSystem, inner: File, inode: Inode) {
    this.#system = system;
    this.#inner = inner;
    this.#inode = inode;
    this.path = inner.path;
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): number {
    return this.#inner.read(target, targetOffset, length, position);
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    this.#system.onChange();
    this.#inner.write(source, sourceOffset, length, position);
  }

  sync(): void {
    this.#system.onChange();
    this.#inner.sync();
    this.#system.makeDurable(this.#inode);
  }

  async syncInBackground(): Promise<void> {
    this.#system.onChange();
    await this.#inner.syncInBackground();
    if (this.#system.slowSync !== undefined) await this.#system.slowSync();
    this.#system.makeDurable(this.#inode);
  }

  truncate(size: number): void {
    this.#system.onChange();
    this.#inner.truncate(size);
  }

  size(): number {
    return this.#inner.size();
  }

  close(): void {
    this.#inner.close();
  }
}
