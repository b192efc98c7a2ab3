/**
 * Backups and the `badger` program that Debian ships: Badger 2, whose directories are others, and whose
 * backups are the same stream. Left out, with one line, where it is not installed.
 */

import { expect, test } from "bun:test";
import { open } from "../../src/index.ts";
import { Ledger } from "./ledger.ts";
import { openMeles, writeHistory } from "./meles-side.ts";
import { RandomHistory, SEED } from "./random-history.ts";
import { ScratchFolder } from "./scratch-folder.ts";

const ALL = 1_000_000;

function badger2(...command: string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["badger", ...command], {
    stdio: ["ignore", "ignore", "pipe"],
    timeout: 60_000,
  });
  if (exitCode !== 0) throw new Error(`badger ${command[0]}: ${stderr.toString().slice(-500)}`);
}

/** Everything in a backup, as a database that restores it shows it. */
async function contentOf(file: string) {
  await using db = await open(":memory:", { workers: "inline", versionsToKeep: ALL });
  await db.restore(file);
  const live = db.scan().toArray();
  const versions = db.scan({ allVersions: true }).toArray();
  return { live, versions };
}

if (Bun.which("badger") === null) {
  test.skip("backups are not held against Badger 2: `badger` is not installed", () => {});
} else {
  test(`Badger 2 restores a backup of Meles, and Meles what Badger 2 has backed up (seed ${SEED})`, async () => {
    using folder = new ScratchFolder();
    const ledger = new Ledger();
    const [ours, theirs, directory] = [folder.at("1"), folder.at("2"), folder.at("badger-2")];
    const shape = { keyCount: 300, valueThreshold: 100, valueLengthMax: 4000 };
    {
      await using db = await openMeles(folder.at("data"), {
        valueThreshold: shape.valueThreshold,
        versionsToKeep: ALL,
      });
      await writeHistory(db, new RandomHistory(SEED, shape).transactions(600), ledger);
      await db.flush();
      await writeHistory(db, new RandomHistory(SEED + 1, shape).transactions(100), ledger);
      await db.backup(ours);
    }
    badger2("restore", "--dir", directory, "--backup-file", ours);
    badger2("backup", "--dir", directory, "--backup-file", theirs);
    const before = await contentOf(ours);
    const after = await contentOf(theirs);
    ledger.expectLive(before.live);
    ledger.expectLive(after.live);
    expect(after.versions).toEqual(before.versions);
    expect(after.versions.length).toBeGreaterThan(after.live.length);
  }, 60_000);
}
