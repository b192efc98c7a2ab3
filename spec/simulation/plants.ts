/**
 * Flaws, each planted into an engine that has none: steps that are left out, swapped, or done too late.
 * Whoever checks the engine must find every one of them. Nothing in `src` is changed for it: a plant
 * wraps the file system that the engine sees, or replaces a method while it is in place.
 */

import { BlockFile } from "../../src/table/block-file.ts";
import { ValueProbe } from "../../src/value-log/value-probe.ts";
import { OlderRangeTracker } from "../../src/compaction/older-ranges.ts";
import type { File, FileSystem, OpenMode } from "../../src/env/file-system.ts";
import { LogRecordView } from "../../src/format/log-record.ts";
import { Oracle } from "../../src/transaction/oracle.ts";
import { ConflictTable } from "../../src/transaction/conflict-table.ts";
import { ReadSet } from "../../src/transaction/read-set.ts";
import type { World } from "./world.ts";

export type Finder = "simulator" | "crash points" | "histories" | "damaged copies";

export interface Plant {
  readonly name: string;
  /** Near this seed a simulated history finds it. */
  readonly seed: number;
  /** Who finds it. */
  readonly foundBy: readonly Finder[];
  /** Wraps the files that the engine sees. */
  readonly files?: (files: FileSystem, world: World) => FileSystem;
  /** Changes a method; returns how to change it back. */
  readonly method?: () => () => void;
}

type Changes = Partial<
  Record<"sync" | "truncate" | "close", (file: File, usual: () => void) => void>
> & {
  readonly write?: (file: File, usual: () => void, bytes: number) => void;
  readonly syncInBackground?: (file: File, usual: () => Promise<void>) => Promise<void>;
};

/** A file system with some calls of some files done in another way. */
function changed(
  files: FileSystem,
  isMeant: (path: string) => boolean,
  changes: Changes,
  others: Partial<Pick<FileSystem, "remove" | "rename" | "syncDirectory">> = {},
): FileSystem {
  const open = (path: string, mode: OpenMode): File => {
    const file = files.open(path, mode);
    return isMeant(path) ? changedFile(file, changes) : file;
  };
  return {
    open,
    readFile: (path) => files.readFile(path),
    info: (path) => files.info(path),
    list: (directory) => files.list(directory),
    makeDirectory: (path) => files.makeDirectory(path),
    rename: others.rename ?? ((from, to) => files.rename(from, to)),
    remove: others.remove ?? ((path) => files.remove(path)),
    syncDirectory: others.syncDirectory ?? ((path) => files.syncDirectory(path)),
    syncDirectoryInBackground: async (path) => {
      if (others.syncDirectory === undefined) await files.syncDirectoryInBackground(path);
      else others.syncDirectory(path);
    },
    lockDirectory: (path, mode) => files.lockDirectory(path, mode),
    freeBytes: (path) => files.freeBytes(path),
    join: (...parts) => files.join(...parts),
  };
}

function changedFile(file: File, changes: Changes): File {
  const { sync, truncate, write, syncInBackground } = changes;
  return {
    path: file.path,
    read: (target, targetOffset, length, position) =>
      file.read(target, targetOffset, length, position),
    write: (source, sourceOffset, length, position) => {
      const usual = (): void => file.write(source, sourceOffset, length, position);
      if (write === undefined) usual();
      else write(file, usual, length);
    },
    sync: () => {
      if (sync === undefined) file.sync();
      else sync(file, () => file.sync());
    },
    syncInBackground: () => {
      const usual = (): Promise<void> => file.syncInBackground();
      if (syncInBackground !== undefined) return syncInBackground(file, usual);
      return sync === undefined ? usual() : Promise.resolve(sync(file, () => undefined));
    },
    truncate: (size) => {
      if (truncate === undefined) file.truncate(size);
      else truncate(file, () => file.truncate(size));
    },
    size: () => file.size(),
    close: () => file.close(),
  };
}

const isKind =
  (ending: string) =>
  (path: string): boolean =>
    path.endsWith(ending);

/** Files of a kind are never synced. */
function unsynced(name: string, ending: string, seed: number): Plant {
  const nothing = { sync: () => undefined, syncInBackground: () => Promise.resolve() };
  return {
    name,
    seed,
    foundBy: ["simulator", "crash points"],
    files: (files) => changed(files, isKind(ending), nothing),
  };
}

/** A sync is reported at once and happens some time later. */
function early(name: string, ending: string, seed: number): Plant {
  return {
    name,
    seed,
    foundBy: ["simulator", "crash points"],
    files: (files, world) => {
      const later = (usual: () => void): void =>
        world.life.later("a late sync", () => {
          try {
            usual();
          } catch {
            // The file is closed by now, or the process dead: never synced.
          }
        });
      return changed(files, isKind(ending), {
        sync: (_, usual) => later(usual),
        syncInBackground: (_, usual) => {
          later(() => void usual().catch(() => undefined));
          return Promise.resolve();
        },
      });
    },
  };
}

/** The tables are synced only after the manifest that names them. */
function swapTableAndManifest(files: FileSystem): FileSystem {
  const waiting: (() => void)[] = [];
  const tables = changed(files, isKind(".sst"), {
    sync: (_, usual) => void waiting.push(usual),
  });
  return changed(tables, isKind("MANIFEST"), {
    sync: (_, usual) => {
      usual();
      for (const sync of waiting.splice(0)) {
        try {
          sync();
        } catch {
          // Closed by its writer: it has had its chance.
        }
      }
    },
  });
}

/** A log goes before the manifest that makes up for it is synced. */
function swapRemovalAndManifest(files: FileSystem): FileSystem {
  let manifestSync: (() => void) | undefined;
  return changed(
    files,
    isKind("MANIFEST"),
    { sync: (_, usual) => void (manifestSync = usual) },
    {
      remove: (path) => {
        files.remove(path);
        if (path.endsWith(".mem")) files.syncDirectory(path.slice(0, path.lastIndexOf("/")));
        manifestSync?.();
        manifestSync = undefined;
      },
    },
  );
}

type Title = Pick<Plant, "name" | "seed" | "foundBy">;

/** Replaces a method of a class while the plant is in place. */
function replace<T extends object, K extends keyof T>(
  title: Title,
  prototype: T,
  method: K,
  make: (usual: T[K]) => T[K],
): Plant {
  return {
    ...title,
    method: () => {
      const usual = prototype[method];
      prototype[method] = make(usual);
      return () => void (prototype[method] = usual);
    },
  };
}

function replaceGetter<T extends object>(
  title: Title,
  prototype: T,
  name: keyof T,
  get: (this: T) => unknown,
): Plant {
  return {
    ...title,
    method: () => {
      const usual = Object.getOwnPropertyDescriptor(prototype, name) as PropertyDescriptor;
      Object.defineProperty(prototype, name, { ...usual, get });
      return () => void Object.defineProperty(prototype, name, usual);
    },
  };
}

export const PLANTS: readonly Plant[] = [
  unsynced("the write-ahead log is never synced", ".mem", 4),
  unsynced("the value log is never synced", ".vlog", 1),
  unsynced("tables are never synced", ".sst", 1),
  unsynced("the manifest is never synced", "MANIFEST", 1),
  unsynced("a new manifest is put in place unsynced", "MANIFEST-REWRITE", 7),
  unsynced("a new key registry is put in place unsynced", "REWRITE-KEYREGISTRY", 1),
  {
    name: "names are never synced",
    seed: 1,
    foundBy: ["simulator", "crash points"],
    files: (files) => changed(files, () => false, {}, { syncDirectory: () => undefined }),
  },
  {
    name: "tables are synced after the manifest that names them",
    seed: 1,
    foundBy: ["simulator", "crash points"],
    files: swapTableAndManifest,
  },
  {
    name: "a log is removed before the manifest is synced",
    seed: 2,
    foundBy: ["simulator", "crash points"],
    files: swapRemovalAndManifest,
  },
  early("commits are acknowledged before their log is synced", ".mem", 4),
  early("commits are acknowledged before their values are synced", ".vlog", 1),
  early("the manifest counts as synced before it is", "MANIFEST", 1),
  {
    name: "a failed sync of the log is taken for a good one",
    seed: 206,
    foundBy: ["simulator"],
    files: (files) =>
      changed(files, isKind(".mem"), {
        sync: (_, usual) => attempt(usual),
        syncInBackground: (_, usual) => usual().catch(() => undefined),
      }),
  },
  {
    name: "a failed write of the log is taken for a good one",
    seed: 5,
    foundBy: ["simulator", "crash points"],
    files: (files) => changed(files, isKind(".mem"), { write: (_, usual) => attempt(usual) }),
  },
  {
    name: "now and then a write of the log is forgotten",
    seed: 5,
    foundBy: ["simulator", "crash points"],
    files: (files, world) =>
      changed(files, isKind(".mem"), {
        write: (_, usual) => (world.random.below(20) === 0 ? undefined : usual()),
      }),
  },
  {
    name: "torn ends of the log are not cut off",
    seed: 30,
    foundBy: ["simulator"],
    files: (files) => changed(files, isKind(".mem"), { truncate: () => undefined }),
  },
  replace(
    {
      name: "records of logs and value logs count whatever their checksum says",
      seed: 5,
      foundBy: ["simulator", "crash points", "damaged copies"],
    },
    LogRecordView.prototype,
    "checkStored",
    (usual) =>
      function unchecked(this: LogRecordView, bytes: Uint8Array, offset: number, limit: number) {
        const status = usual.call(this, bytes, offset, limit);
        const isWhole = this.end > offset && this.end <= limit && this.keyLength > 0;
        return status === "end" && isWhole ? "ok" : status;
      },
  ),
  replace(
    {
      name: "blocks of tables count whatever their checksum says",
      seed: 0,
      foundBy: ["damaged copies"],
    },
    BlockFile.prototype,
    "parse",
    (usual) =>
      function unchecked(this: BlockFile, block, bytes, start, end, _verify, into) {
        usual.call(this, block, bytes, start, end, false, into);
      },
  ),
  replace(
    {
      name: "values that a power loss took are not missed",
      seed: 57,
      foundBy: ["simulator", "crash points"],
    },
    ValueProbe.prototype,
    "isLost",
    () => () => false,
  ),
  replace(
    {
      name: "delete markers are dropped above older versions",
      seed: 5,
      foundBy: ["simulator", "crash points"],
    },
    OlderRangeTracker.prototype,
    "mayHaveOlder",
    () => () => false,
  ),
  replaceGetter(
    { name: "compaction forgets open snapshots", seed: 5, foundBy: ["simulator", "histories"] },
    Oracle.prototype,
    "discardVersion",
    function newest(this: Oracle) {
      return this.lastCommitted;
    },
  ),
  replace(
    {
      name: "ranges are dropped from the conflict check",
      seed: 5,
      foundBy: ["simulator", "histories"],
    },
    ReadSet.prototype,
    "ranges",
    () => () => [],
  ),
  replace(
    {
      name: "commits are not remembered for the conflict check",
      seed: 1,
      foundBy: ["simulator", "histories"],
    },
    ConflictTable.prototype,
    "recordCommit",
    () => () => undefined,
  ),
];

function attempt(usual: () => void): void {
  try {
    usual();
  } catch {
    // Planted: nobody learns of it.
  }
}
