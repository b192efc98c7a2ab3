/**
 * Damaged copies of a directory: bits that flip, files that are cut, stretches of zeros and of noise.
 * Whatever it is, every question gets the right answer or a typed error, and a directory that is refused
 * is left as it is. `MELES_DAMAGED_COPIES=2000` for more.
 */

import { describe, expect, test } from "bun:test";

import type { MelesError } from "../../src/base/errors.ts";
import { type OpenOptions, verifyDirectory } from "../../src/index.ts";
import { readDirectory } from "../suites/copy-file-system.ts";
import { askCopy, damageOne, filesIn, makeOriginal } from "../suites/damaged-copies.ts";
import { DIRECTORY, openIn, testEnv } from "../suites/open-database.ts";
import { SEED } from "../suites/sorted-entries.ts";

const COPIES = Number(process.env["MELES_DAMAGED_COPIES"] ?? 150);
const KEY = new Uint8Array(16).fill(3);

describe.each<readonly [string, OpenOptions]>([
  ["plain", {}],
  ["zstd, large values only in the value log", { compression: "zstd", valueThreshold: 350 }],
  ["encrypted", { encryptionKey: KEY, encryptionKeyRotationMs: 1 }],
])("damaged copies of a directory, %s", (_, options) => {
  test(`${COPIES} of them give right answers or typed errors`, async () => {
    const made = await makeOriginal(options);
    const outcomes = { refused: 0, opened: 0 };
    for (let seed = SEED; seed < SEED + COPIES; seed++) {
      const { files, told } = damageOne(made.files, seed);
      const system = filesIn(files);
      try {
        const isOpened = await askCopy(system, made);
        outcomes[isOpened ? "opened" : "refused"]++;
        if (isOpened) continue;
        const left = readDirectory(system, DIRECTORY);
        left.delete("LOCK");
        const gone = [...files.keys()].filter((name) => !left.has(name));
        if (gone.length > 0) throw new Error(`a directory that is refused has lost ${gone.join()}`);
      } catch (error) {
        throw new Error(`seed ${seed}: ${told}: ${String(error)}`, { cause: error });
      }
    }
    expect(outcomes.refused).toBeGreaterThan(COPIES / 10);
    expect(outcomes.opened).toBeGreaterThan(COPIES / 10);
  }, 120_000);
});

// A cut at the end of a change looked like the crash between writing a table and naming it: the table was
// removed as left over, and with it all that it held.
describe("a manifest that has lost its end", () => {
  test("is refused wherever it was cut, in readOnly too, and verification tells", async () => {
    const made = await makeOriginal({});
    const manifest = made.files.get("MANIFEST") as Uint8Array;
    for (let length = 8; length < manifest.length; length++) {
      const cut = new Map(made.files).set("MANIFEST", manifest.slice(0, length));
      const system = filesIn(cut);
      for (const readOnly of [true, false]) {
        const opening = openIn(testEnv(system), { ...made.options, readOnly });
        const error = await opening.then(
          () => undefined,
          (reason: unknown) => reason,
        );
        expect([length, (error as MelesError | undefined)?.code]).toEqual([
          length,
          "ERR_CORRUPTION",
        ]);
      }
      const { findings } = await verifyDirectory(DIRECTORY, { env: testEnv(system) });
      expect([length, findings.length > 0]).toEqual([length, true]);
      expect(readDirectory(system, DIRECTORY).size).toBeGreaterThanOrEqual(made.files.size);
    }
  }, 60_000);
});
