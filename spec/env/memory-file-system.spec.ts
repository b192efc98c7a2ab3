import { expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BunFileSystem } from "../../src/env/bun-file-system.ts";
import type { File, FileSystem, OpenMode } from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { SeededRandom } from "../../src/env/seeded-random.ts";
import { fileSystemSuite, outcome } from "../suites/file-system.suite.ts";

fileSystemSuite("MemoryFileSystem", () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("/data");
  return { fileSystem, directory: "/data", cleanUp: () => undefined };
});

test("two in-memory file systems share nothing", () => {
  const first = new MemoryFileSystem();
  const second = new MemoryFileSystem();
  first.makeDirectory("/data");
  expect(second.info("/data")).toBeUndefined();
});

test("relative and absolute paths meet, and the root is a directory", () => {
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("a/b");
  expect(fileSystem.list("/a/../a/./")).toEqual(["b"]);
  expect(fileSystem.info("/")?.kind).toBe("directory");
  expect(fileSystem.info(".")?.kind).toBe("directory");
});

/** One random call, described by numbers alone, so that both file systems get the same one. */
function randomCall(random: SeededRandom, fileSystem: FileSystem, files: File[]): unknown {
  const names = ["a", "b", "d", "d/a", "d/e", "d/e/a", "f"];
  const path = `${names[random.below(names.length)]}`;
  const other = `${names[random.below(names.length)]}`;
  const file = files[random.below(Math.max(1, files.length))];
  const length = random.below(5000);
  const position = random.below(5000);
  const buffer = new Uint8Array(length).fill(random.below(256));
  const kind = random.below(13);
  switch (kind) {
    case 0:
      return fileSystem.makeDirectory(path);
    case 1:
      return fileSystem.rename(path, other);
    case 2:
      return fileSystem.remove(path);
    case 3:
      return fileSystem.list(path);
    case 4: {
      const info = fileSystem.info(path);
      return info?.kind === "file" ? info : info?.kind;
    }
    case 5:
      return fileSystem.readFile(path);
    case 6:
    case 7: {
      const creations = ["never", "ifMissing", "exclusive", "truncate"] as const;
      const create = creations[random.below(4)] ?? "never";
      const mode: OpenMode = { write: create !== "never" || random.below(2) === 0, create };
      files.push(fileSystem.open(path, mode));
      return undefined;
    }
    case 8:
      return file?.truncate(position);
    case 9:
      return [file?.read(buffer, 0, length, position), buffer];
    case 10:
      return file?.size();
    default:
      return file?.write(buffer, 0, length, position);
  }
}

/** Prefixes every path, so that both file systems work below a directory of their own. */
function below(fileSystem: FileSystem, directory: string): FileSystem {
  const inside = (path: string): string => fileSystem.join(directory, path);
  return {
    ...fileSystem,
    open: (path, mode) => fileSystem.open(inside(path), mode),
    readFile: (path) => fileSystem.readFile(inside(path)),
    info: (path) => fileSystem.info(inside(path)),
    list: (path) => fileSystem.list(inside(path)),
    makeDirectory: (path) => fileSystem.makeDirectory(inside(path)),
    rename: (from, to) => fileSystem.rename(inside(from), inside(to)),
    remove: (path) => fileSystem.remove(inside(path)),
  };
}

test.each([1, 2, 3, 4, 5, 6, 7, 8])(
  "random calls are answered as the real file system answers them (seed %d)",
  (seed) => {
    const directory = mkdtempSync(join(tmpdir(), "meles-twin-"));
    const memory = new MemoryFileSystem();
    memory.makeDirectory("/twin");
    const twins = [below(memory, "/twin"), below(new BunFileSystem(), directory)] as const;
    const files: readonly [File[], File[]] = [[], []];
    const randoms = [new SeededRandom(seed), new SeededRandom(seed)] as const;
    try {
      for (let step = 0; step < 400; step++) {
        const inMemory = outcome(() => randomCall(randoms[0], twins[0], files[0]));
        const onDisk = outcome(() => randomCall(randoms[1], twins[1], files[1]));
        expect({ seed, step, answer: inMemory }).toEqual({ seed, step, answer: onDisk });
      }
    } finally {
      for (const file of [...files[0], ...files[1]]) file.close();
      rmSync(directory, { recursive: true });
    }
  },
);
