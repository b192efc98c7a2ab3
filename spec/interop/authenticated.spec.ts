/** Badger refuses an authenticated directory with an error of its own, whatever key it has, and changes nothing. */

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { open } from "../../src/index.ts";
import { withBadger } from "./badger-build.ts";
import { BadgerProcess } from "./badger-process.ts";
import { ScratchFolder } from "./scratch-folder.ts";

const KEY = Uint8Array.from({ length: 32 }, (_, index) => index * 3 + 2);

function filesIn(path: string): Map<string, string> {
  const names = readdirSync(path).filter((name) => name !== "LOCK");
  return new Map(names.map((name) => [name, readFileSync(join(path, name)).toString("hex")]));
}

withBadger("an authenticated directory", () => {
  test("is refused by its manifest's version", async () => {
    using folder = new ScratchFolder();
    const path = folder.at("database");
    const db = await open(path, { encryptionKey: KEY, authenticatedEncryption: true });
    for (let i = 0; i < 200; i++) void db.put(`key-${i}`, "value".repeat(i));
    await db.flush();
    await db.put("in", "the log");
    const killed = folder.copyOf(path);
    const files = filesIn(killed);
    await db.close();
    for (const options of [{}, { encryptionKey: KEY, indexCacheSize: 1 << 20 }]) {
      for (const readOnly of [false, true]) {
        const refusal = await BadgerProcess.open(killed, { ...options, readOnly }).then(
          () => "opened",
          (error: unknown) => String(error),
        );
        expect(refusal).toContain("manifest has unsupported version: 32769");
      }
    }
    expect(filesIn(killed)).toEqual(files);
  });
});
