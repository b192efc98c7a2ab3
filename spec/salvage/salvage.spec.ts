/**
 * Hundreds of damaged directories: everything undamaged comes back, nothing comes back changed, and
 * whatever is missing is reported. `SEED=… bun test` starts from another seed; a failure names its own.
 */

import { beforeAll, describe, expect, test } from "bun:test";
import { MemoryFileSystem } from "../../src/env/memory-file-system.ts";
import { type OpenOptions, salvage, type SalvageReport } from "../../src/index.ts";
import { writeFile } from "../suites/copy-file-system.ts";
import { FaultyFileSystem } from "../suites/faulty-file-system.ts";
import { openIn, DIRECTORY, testEnv } from "../suites/open-database.ts";
import { SEED } from "../suites/sorted-entries.ts";
import { damage, type Damaged, isTouched } from "./damage.ts";
import { makeDirectory, type Made, MASTER_KEY } from "./directories.ts";
import { contentOf, type Files, type StoredVersion, takeInventory } from "./inventory.ts";

const SOURCE = "/damaged";
/** Damaged directories of each kind. */
const ROUNDS = Number(process.env["MELES_SALVAGE_ROUNDS"] ?? 100);

interface Salvaged {
  readonly report: SalvageReport;
  /** What the new database shows, by `key@version`. */
  readonly versions: ReadonlyMap<string, string>;
}

/** Salvages files and reads the result through the engine. Any change to the source is an error. */
async function salvageFiles(files: Files, made: Made, thorough: boolean): Promise<Salvaged> {
  const system = new FaultyFileSystem(new MemoryFileSystem());
  system.makeDirectory(SOURCE);
  for (const [name, bytes] of files) writeFile(system, `${SOURCE}/${name}`, bytes);
  system.hook = (operation, path) => {
    if (operation === "open" || operation === "read") return;
    if (path.startsWith(SOURCE)) throw new Error(`${operation} ${path}: the source was changed`);
  };
  const env = testEnv(system);
  const key = made.masterKey === undefined ? {} : { encryptionKey: made.masterKey };
  const report = await salvage(SOURCE, DIRECTORY, { env, ...key });
  expect(system.list(SOURCE)).toEqual([...files.keys()].sort());
  const db = await openIn(env, { readOnly: true, ...key });
  try {
    const versions = new Map<string, string>();
    for (const entry of db.scan({ allVersions: true })) {
      const id = `${Buffer.from(entry.key).toString("hex")}@${entry.version}`;
      versions.set(id, contentOf(entry));
    }
    if (thorough) expect((await db.verify()).findings).toEqual([]);
    return { report, versions };
  } finally {
    await db.close();
  }
}

/** Versions that have a copy which no damage concerns. */
function untouched(inventory: ReadonlyMap<string, StoredVersion>, { spans }: Damaged): string[] {
  return [...inventory]
    .filter(([, { copies }]) =>
      copies.some(
        (copy) => ![...copy.spans, ...copy.wanted].some((span) => isTouched(span, spans)),
      ),
    )
    .map(([id]) => id);
}

/**
 * Versions whose loss shows: those in a table that is still listed. A log that ends early looks like one
 * whose last write was interrupted, and without a manifest nobody misses a table.
 */
function noticeable(
  inventory: ReadonlyMap<string, StoredVersion>,
  { files, spans }: Damaged,
): Set<string> {
  const listed = !spans.some((span) => span.file === "MANIFEST");
  return new Set(
    [...inventory]
      .filter(([, { copies }]) =>
        copies.every(
          ({ spans: [place], pointsTo }) =>
            listed &&
            place?.file.endsWith(".sst") === true &&
            (pointsTo === undefined || files.has(pointsTo)),
        ),
      )
      .map(([id]) => id),
  );
}

const KINDS: readonly (readonly [string, OpenOptions])[] = [
  ["plain", {}],
  ["zstd", { compression: "zstd" }],
  ["Snappy", { compression: "snappy" }],
  ["encrypted", { encryptionKey: MASTER_KEY, encryptionKeyRotationMs: 1 }],
  ["encrypted, zstd", { encryptionKey: MASTER_KEY, compression: "zstd" }],
];

describe.each(KINDS)("a damaged directory, %s", (_, options) => {
  let made: Made;
  let inventory: Map<string, StoredVersion>;

  beforeAll(async () => {
    made = await makeDirectory(SEED, options);
    inventory = takeInventory(made.files, made.masterKey);
    const names = [...made.files.keys()];
    for (const kind of [".sst", ".vlog", ".mem"]) {
      expect(names.filter((name) => name.endsWith(kind)).length).toBeGreaterThan(1);
    }
    expect(inventory.size).toBeGreaterThan(400);
  });

  test("comes back whole when nothing is damaged", async () => {
    const { report, versions } = await salvageFiles(made.files, made, true);
    expect(report.findings).toEqual([]);
    expect(report).toMatchObject({ lost: false, entries: inventory.size });
    expect([...versions].sort()).toEqual(
      [...inventory].map(([id, { content }]) => [id, content] as [string, string]).sort(),
    );
  });

  test(`${ROUNDS} times: what is undamaged comes back, unchanged, and losses are told`, async () => {
    for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
      const damaged = damage(made.files, seed);
      const where = `seed ${seed}: ${damaged.told.join("; ")}`;
      if (![...damaged.files.keys()].some((name) => /MANIFEST|\.(sst|mem|vlog)$/.test(name)))
        continue;
      let salvaged: Salvaged;
      try {
        salvaged = await salvageFiles(damaged.files, made, seed % 8 === 0);
      } catch (error) {
        throw new Error(where, { cause: error });
      }
      const { report, versions } = salvaged;
      const absent = untouched(inventory, damaged).filter((id) => !versions.has(id));
      if (absent.length > 0)
        throw new Error(`${where}: ${absent.length} are lost, as ${absent[0]}`);
      for (const [id, content] of versions) {
        if (content !== inventory.get(id)?.content) throw new Error(`${where}: ${id} was changed`);
      }
      const missed = noticeable(inventory, damaged);
      const lost = [...inventory.keys()].filter((id) => !versions.has(id) && missed.has(id));
      if (lost.length > 0 && !report.lost)
        throw new Error(`${where}: ${lost.length} are missing untold`);
      expect(report.entries, where).toBe(versions.size);
    }
  }, 30_000);
});
