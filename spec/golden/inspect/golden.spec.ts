/**
 * The descriptions beside this file: each line above a `----` names a file of a fixture, what stands below
 * must be what `meles inspect` prints of it. Behind the name may stand `json`, `key=…` (the master key),
 * `alone` (no neighbours), `cut=SIZE` and `flip=OFFSET` (damage).
 * `UPDATE_GOLDEN=1 bun test spec/golden/inspect` writes the files anew; read the difference.
 */

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quoteBytes } from "../../../grammar/literals.ts";
import { MemoryFileSystem } from "../../../src/env/memory-file-system.ts";
import { inspectFile } from "../../../src/inspect/inspect-file.ts";
import { FIXTURES, readFixture } from "../../fixtures/unpack.ts";
import { writeFile } from "../../suites/copy-file-system.ts";

const FOLDER = import.meta.dir;
const isUpdating = process.env["UPDATE_GOLDEN"] === "1";
const fixtures = new Map<string, ReadonlyMap<string, Uint8Array>>();

function filesOf(fixture: string): ReadonlyMap<string, Uint8Array> {
  let files = fixtures.get(fixture);
  if (files === undefined) {
    files = fixture === "backup-since" ? backups() : readFixture(fixture);
    fixtures.set(fixture, files);
  }
  return files;
}

function backups(): ReadonlyMap<string, Uint8Array> {
  const folder = join(FIXTURES, "backup-since");
  return new Map(
    readdirSync(folder).map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]),
  );
}

async function describeFile(command: string): Promise<string> {
  const [path = "", ...options] = command.split(" ");
  const [fixture = "", name = ""] = path.split("/");
  const option = (wanted: string): string | undefined =>
    options.find((given) => given.startsWith(`${wanted}=`))?.slice(wanted.length + 1);
  const fileSystem = new MemoryFileSystem();
  fileSystem.makeDirectory("/d");
  for (const [neighbour, bytes] of filesOf(fixture)) {
    if (neighbour === name || !options.includes("alone")) {
      writeFile(fileSystem, `/d/${neighbour}`, bytes);
    }
  }
  const bytes = filesOf(fixture)
    .get(name)
    ?.slice(0, Number(option("cut") ?? Infinity));
  if (bytes === undefined) throw new Error(`there is no ${path}`);
  const flip = option("flip");
  if (flip !== undefined) bytes[Number(flip)] = (bytes[Number(flip)] as number) ^ 0xff;
  writeFile(fileSystem, `/d/${name}`, bytes);
  const key = option("key");
  let text = "";
  const { findings } = await inspectFile(fileSystem, {
    path: `/d/${name}`,
    directory: "/d",
    format: options.includes("json") ? "json" : "text",
    encryptionKey: key === undefined ? undefined : new TextEncoder().encode(key),
    quote: quoteBytes,
    write: (piece) => void (text += piece),
  });
  if (options.includes("json")) {
    expect((JSON.parse(text) as { findings: unknown[] }).findings).toHaveLength(findings);
  } else {
    expect(text.split("\n").filter((line) => line.startsWith("DAMAGE "))).toHaveLength(findings);
  }
  return text;
}

describe("inspect", () => {
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith(".txt"))) {
    test(name, async () => {
      const path = join(FOLDER, name);
      const blocks = readFileSync(path, "utf8").trim().split(/\n\n+/);
      const printed: string[] = [];
      for (const block of blocks) {
        const command = block.split("\n")[0] ?? "";
        printed.push(`${command}\n----\n${(await describeFile(command)).trimEnd()}`);
      }
      if (isUpdating) writeFileSync(path, `${printed.join("\n\n")}\n`);
      else expect(printed).toEqual(blocks);
    });
  }
});
