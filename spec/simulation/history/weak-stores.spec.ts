/**
 * The clients provoke, and the checker finds, what each weakness allows; an engine without one shows
 * nothing. So a clean history of the real engine says something.
 */

import { describe, expect, test } from "bun:test";

import { check } from "./check.ts";
import { runClients } from "./client-run.ts";
import type { History } from "./history.ts";
import { WeakStore, type Weakness } from "./weak-store.ts";

const SEEDS = 25;

/** Every kind of anomaly in so many histories. */
async function anomalies(weakness: Weakness, kind: History["kind"]): Promise<Set<string>> {
  const kinds = new Set<string>();
  for (let seed = 1; seed <= SEEDS; seed++) {
    const history = await runClients(new WeakStore(weakness), seed, { kind });
    for (const anomaly of check(history)) kinds.add(anomaly.kind);
  }
  return kinds;
}

const ALLOWED: Readonly<Record<Exclude<Weakness, "none">, readonly [History["kind"], string][]>> = {
  "dirty writes": [
    ["list", "G0"],
    ["list", "G1a"],
    ["list", "G1b"],
    ["list", "G1c"],
  ],
  "dirty reads": [
    ["register", "G1a"],
    ["register", "G1b"],
    ["register", "G1c"],
  ],
  "no snapshot": [
    ["register", "G-single"],
    ["register", "two snapshots"],
    ["list", "lost write"],
  ],
  "no conflicts": [
    ["list", "lost write"],
    ["register", "G-single"],
    ["register", "G2-item"],
    ["register", "G2"],
  ],
  "lost updates only": [
    ["register", "G2-item"],
    ["register", "G2"],
    ["list", "G2-item"],
  ],
  "no ranges": [
    ["register", "G2"],
    ["list", "G2"],
  ],
};

/** What a weakness does not allow: the checker must not cry wolf. */
const EXCLUDED: Readonly<Record<Exclude<Weakness, "none">, readonly string[]>> = {
  "dirty writes": [],
  "dirty reads": [],
  "no snapshot": ["G0", "G1a", "G1b", "G1c"],
  "no conflicts": ["G0", "G1a", "G1b", "G1c", "two snapshots"],
  "lost updates only": ["G0", "G1a", "G1b", "G1c", "lost write", "two snapshots"],
  "no ranges": ["G0", "G1a", "G1b", "G1c", "G-single", "G2-item", "lost write", "two snapshots"],
};

describe("an engine with a weakness is found out", () => {
  for (const [weakness, expected] of Object.entries(ALLOWED)) {
    test(`${weakness}: ${expected.map(([, kind]) => kind).join(", ")}`, async () => {
      const found = {
        list: await anomalies(weakness as Weakness, "list"),
        register: await anomalies(weakness as Weakness, "register"),
      };
      for (const [kind, anomaly] of expected) expect(found[kind], kind).toContain(anomaly);
      for (const anomaly of EXCLUDED[weakness as Exclude<Weakness, "none">]) {
        expect([...found.list, ...found.register]).not.toContain(anomaly);
      }
    });
  }
});

test("an engine without a weakness shows nothing", async () => {
  expect([...(await anomalies("none", "list"))]).toEqual([]);
  expect([...(await anomalies("none", "register"))]).toEqual([]);
});
