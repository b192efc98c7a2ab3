/**
 * Histories of the real engine are serializable, ranges included, while flushes, compactions and
 * collections go on. With its conflict detection weakened they are not, and the checker tells how.
 */

import { afterEach, describe, expect, mock, spyOn, test } from "bun:test";

import type { OpenOptions } from "../../../src/index.ts";
import { ReadSet } from "../../../src/transaction/read-set.ts";
import { openIn, testEnv, TINY } from "../../suites/open-database.ts";
import { type Anomaly, check } from "./check.ts";
import { runClients } from "./client-run.ts";
import type { History } from "./history.ts";
import { MelesStore } from "./store.ts";

const newSeed = Date.now() % 1_000_000_000;

async function anomaliesOf(
  seed: number,
  kind: History["kind"],
  options: OpenOptions,
): Promise<Anomaly[]> {
  const db = await openIn(testEnv(undefined, seed), { ...TINY, valueThreshold: 4, ...options });
  const history = await runClients(new MelesStore(db), seed, {
    kind,
    clients: 3 + (seed % 4),
    keys: 3 + (seed % 5),
  });
  await db.close();
  return check(history);
}

async function kindsOf(
  kind: History["kind"],
  options: OpenOptions,
  seeds: number,
): Promise<Set<string>> {
  const kinds = new Set<string>();
  for (let seed = 1; seed <= seeds; seed++) {
    for (const anomaly of await anomaliesOf(seed, kind, options)) kinds.add(anomaly.kind);
  }
  return kinds;
}

describe("the engine is serializable", () => {
  for (const kind of ["list", "register"] as const) {
    for (const [first, count] of [
      [1, 40],
      [newSeed, 20],
    ] as const) {
      test(`${kind}s, seeds ${first} to ${first + count - 1}`, async () => {
        for (let seed = first; seed < first + count; seed++) {
          expect([seed, await anomaliesOf(seed, kind, {})]).toEqual([seed, []]);
        }
      });
    }
  }
});

describe("with its conflict detection weakened it is not", () => {
  afterEach(() => mock.restore());

  test("without any it loses updates and allows write skews and phantoms, but no dirty reads", async () => {
    const kinds = await kindsOf("register", { detectConflicts: false }, 15);
    expect([...kinds].sort()).toEqual(["G-single", "G2", "G2-item"]);
    expect(await kindsOf("list", { detectConflicts: false }, 15)).toContain("lost write");
  });

  test("without ranges it allows phantoms, and nothing else", async () => {
    spyOn(ReadSet.prototype, "ranges").mockReturnValue([]);
    const kinds = await kindsOf("register", {}, 30);
    expect([...kinds]).toEqual(["G2"]);
  });

  test("without single keys it loses updates", async () => {
    spyOn(ReadSet.prototype, "addKey").mockImplementation(() => undefined);
    expect(await kindsOf("list", {}, 15)).toContain("lost write");
    expect(await kindsOf("register", {}, 15)).toContain("G2-item");
  });
});
