/** Targets that users name are never files of a database: the same refusal on both file systems. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BunFileSystem } from "../../src/env/bun-file-system.ts";
import type { FileSystem } from "../../src/env/file-system.ts";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { codeOf } from "../database/outcomes.ts";
import { writeFile } from "../suites/copy-file-system.ts";

const scratch = mkdtempSync(join(tmpdir(), "meles-outside-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const MANIFEST = new TextEncoder().encode("Bdgr\0\0\0\u0008");

function tryOpen(fileSystem: FileSystem, path: string): Promise<string | undefined> {
  return codeOf(() =>
    fileSystem.open(path, { write: true, create: "truncate", outsideDatabases: true }).close(),
  );
}

describe.each<readonly [string, FileSystem, string]>([
  ["real", new BunFileSystem(), scratch],
  ["in memory", new MemoryFileSystem(), "/"],
])("a file system, %s", (_, fileSystem, root) => {
  const at = (name: string): string => join(root, name);
  fileSystem.makeDirectory(at("db"));
  fileSystem.makeDirectory(at("plain"));
  writeFile(fileSystem, at("db/MANIFEST"), MANIFEST);
  writeFile(fileSystem, at("plain/MANIFEST"), new TextEncoder().encode("Manifest-Version: 1.0\n"));

  test("refuses a file beside a manifest, new or not, and touches nothing", async () => {
    for (const name of ["db/MANIFEST", "db/new", "plain/../db/new"]) {
      expect(await tryOpen(fileSystem, at(name))).toBe("ERR_INVALID_ARGUMENT");
    }
    expect(fileSystem.list(at("db"))).toEqual(["MANIFEST"]);
    expect(fileSystem.readFile(at("db/MANIFEST"))).toEqual(MANIFEST);
  });

  test("opens any other, and without being asked also that", async () => {
    expect(await tryOpen(fileSystem, at("plain/new"))).toBeUndefined();
    expect(await tryOpen(fileSystem, at("plain/MANIFEST"))).toBeUndefined();
    fileSystem.open(at("db/own"), { write: true, create: "truncate" }).close();
    fileSystem.remove(at("db/own"));
  });
});

test("links are followed to where the file is, or would be made", async () => {
  const fileSystem = new BunFileSystem();
  mkdirSync(join(scratch, "links"));
  const link = (target: string, name: string): string => {
    const path = join(scratch, "links", name);
    symlinkSync(target, path);
    return path;
  };
  const refused = [
    link(join(scratch, "db/MANIFEST"), "to-a-file"),
    link("../db/new", "to-nothing-yet"),
    link("to-nothing-yet", "to-a-link"),
    join(link("../db", "to-a-directory"), "new"),
  ];
  for (const path of refused) {
    expect([path, await tryOpen(fileSystem, path)]).toEqual([path, "ERR_INVALID_ARGUMENT"]);
  }
  expect(readdirSync(join(scratch, "db"))).toEqual(["MANIFEST"]);
  expect(await tryOpen(fileSystem, link("../plain/fresh", "to-elsewhere"))).toBeUndefined();
  expect(await tryOpen(fileSystem, link("loop", "loop"))).toBe("ERR_IO");
  expect(await tryOpen(fileSystem, join(scratch, "none/file"))).toBe("ERR_IO");
});
