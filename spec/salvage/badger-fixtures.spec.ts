/** Directories that Badger wrote come out of a salvage, and of a verification, as the engine sees them. */

import { afterAll, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { salvage, verifyDirectory } from "../../src/index.ts";
import { disposeFixture, unpackFixture } from "../fixtures/unpack.ts";
import { openPath } from "../suites/open-database.ts";
import { contentOf } from "./inventory.ts";

const scratch = mkdtempSync(join(tmpdir(), "meles-salvage-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

async function versionsIn(path: string, key: { encryptionKey?: Uint8Array }): Promise<string[]> {
  const db = await openPath(path, { ...key, readOnly: true });
  try {
    return [...db.scan({ allVersions: true })].map(
      (entry) => `${Buffer.from(entry.key).toString("hex")}@${entry.version} ${contentOf(entry)}`,
    );
  } finally {
    await db.close();
  }
}

describe.each([
  ["mixed-zstd-gc", undefined],
  ["mixed-aes256", "0123456789abcdef0123456789abcdef"],
  ["small-snappy-crash", undefined],
  ["small-enc-crash", "0123456789abcdef"],
  ["case-disc", undefined],
  ["case-ban", undefined],
  ["case-sw", undefined],
])("%s", (name, secret) => {
  const key = secret === undefined ? {} : { encryptionKey: new TextEncoder().encode(secret) };

  test("is sound, and every version of it is kept", async () => {
    const source = unpackFixture(name);
    try {
      const verified = await verifyDirectory(source, key);
      expect(verified.findings).toEqual([]);
      const target = join(scratch, name);
      const report = await salvage(source, target, key);
      expect(report).toMatchObject({ findings: [], lost: false });
      expect(await versionsIn(target, key)).toEqual(await versionsIn(source, key));
      expect((await verifyDirectory(target, key)).findings).toEqual([]);
    } finally {
      disposeFixture(source);
    }
  });
});
