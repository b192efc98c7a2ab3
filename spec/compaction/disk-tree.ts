/** Tables on an in-memory disk, for specs of the jobs; with failures on demand. */

import { IoError } from "../../src/base/errors.ts";
import { join } from "../../src/base/paths.ts";
import type { Env } from "../../src/env/env.ts";
import type { File, FileSystem } from "../../src/env/file-system.ts";
import { ManualClock } from "../../src/env/manual-clock.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { tableFileName } from "../../src/format/file-names.ts";
import type { TableMeta } from "../../src/manifest/version.ts";
import { BlockCache } from "../../src/table/block-cache.ts";
import { TableBuilder } from "../../src/table/table-builder.ts";
import { TABLE_OPTIONS } from "../../src/table/table-options.ts";
import type { TableOptions } from "../../src/table/table-options.ts";
import { TableReader } from "../../src/table/table-reader.ts";
import { drain, EntriesCursor } from "./entries.ts";
import type { SpecEntry } from "./entries.ts";

export const DIRECTORY = "/data";
export const SMALL_BLOCKS: TableOptions = { ...TABLE_OPTIONS, blockSizeBytes: 256 };

/** Counts down file operations and fails the chosen one. Removing always works. */
export class Failures {
  /** Operations until the failure; Infinity = none. */
  left = Number.POSITIVE_INFINITY;
  /** Files that are open now. */
  open = 0;

  tick(operation: string, path: string): void {
    this.left--;
    if (this.left === 0) throw new IoError({ operation, path, errno: "EIO" });
  }
}

export interface DiskTree {
  readonly env: Env;
  readonly failures: Failures;
}

export function diskTree(): DiskTree {
  const failures = new Failures();
  const memory = new MemoryFileSystem();
  memory.makeDirectory(DIRECTORY);
  const fileSystem: FileSystem = new Proxy<FileSystem>(memory, {
    get(target, name) {
      if (name === "open") {
        return (...given: Parameters<FileSystem["open"]>): File => {
          failures.tick("open", given[0]);
          failures.open++;
          return watchedFile(target.open(...given), failures);
        };
      }
      const member = Reflect.get(target, name) as unknown;
      return typeof member === "function" ? (member.bind(target) as unknown) : member;
    },
  });
  const clock = new ManualClock();
  return {
    env: { fileSystem, clock, random: new SeededRandom(1), log: () => undefined },
    failures,
  };
}

function watchedFile(file: File, failures: Failures): File {
  let isOpen = true;
  return {
    path: file.path,
    read: (...given) => {
      failures.tick("read", file.path);
      return file.read(...given);
    },
    write: (...given) => {
      failures.tick("write", file.path);
      file.write(...given);
    },
    sync: () => {
      failures.tick("fdatasync", file.path);
      file.sync();
    },
    syncInBackground: () => file.syncInBackground(),
    truncate: (size) => file.truncate(size),
    size: () => file.size(),
    close: () => {
      if (isOpen) failures.open--;
      isOpen = false;
      file.close();
    },
  };
}

export function writeTable(
  { env }: DiskTree,
  fileNumber: number,
  level: number,
  entries: readonly SpecEntry[],
  knownOrdered = true,
): TableMeta {
  const path = join(DIRECTORY, tableFileName(fileNumber));
  const file = env.fileSystem.open(path, { write: true, create: "exclusive" });
  const builder = new TableBuilder(file, { fileNumber, level, knownOrdered }, SMALL_BLOCKS);
  const cursor = new EntriesCursor(entries);
  for (cursor.seekToFirst(); cursor.valid; cursor.next()) {
    builder.add(
      cursor.keyBytes,
      cursor.keyOffset,
      cursor.keyLength,
      cursor.version,
      cursor.meta,
      0,
      cursor.expiresAt,
      cursor.valueBytes,
      cursor.valueOffset,
      cursor.valueLength,
      false,
    );
  }
  const meta = builder.finish();
  file.close();
  return meta;
}

export function readTable({ env }: DiskTree, meta: TableMeta): SpecEntry[] {
  const path = join(DIRECTORY, tableFileName(meta.fileNumber));
  const file = env.fileSystem.open(path, { write: false, create: "never" });
  const reader = TableReader.open(file, meta, new BlockCache(0), { verifyChecksums: "both" });
  const entries = drain(reader.cursor());
  reader.close();
  return entries;
}

export function filesOf({ env }: DiskTree): string[] {
  return env.fileSystem.list(DIRECTORY);
}

/** `count` entries `prefix000@version=value`, in steps of `step`. */
export function series(
  prefix: string,
  count: number,
  version: number,
  step = 1,
  from = 0,
): SpecEntry[] {
  return Array.from({ length: count }, (_, i) => ({
    key: `${prefix}${String(from + i * step).padStart(4, "0")}`,
    version,
    meta: 0,
    expiresAt: 0,
    value: `value ${version} of ${i}`,
    pointed: 0,
  }));
}
