/**
 * The simulator and its companions find what is wrong with an engine: each planted flaw in the table of
 * plants.ts is found by those that the table names. UPDATE_GOLDEN=1 writes the table into README.md.
 */

import { describe, expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { askCopy, damageOne, filesIn, makeOriginal } from "../suites/damaged-copies.ts";
import { openIn, testEnv, TINY } from "../suites/open-database.ts";
import { CRASH_VARIANTS, CRASHES, crash } from "./crash.ts";
import { check } from "./history/check.ts";
import { runClients } from "./history/client-run.ts";
import { MelesStore } from "./history/store.ts";
import { type Finder, type Plant, PLANTS } from "./plants.ts";
import { ScriptedRun } from "./scripted-workload.ts";
import { failureOf } from "./shrink.ts";

const SEEDS_MAX = 400;

/** Runs `find` with the plant in place; anything thrown is a find, too. */
async function finds(plant: Plant, find: (plant: Plant) => Promise<boolean>): Promise<boolean> {
  const restore = plant.method?.();
  try {
    return await find(plant);
  } catch {
    return true;
  } finally {
    restore?.();
  }
}

async function bySimulation({ seed: near, files }: Plant): Promise<boolean> {
  const options = files === undefined ? {} : { plant: files };
  for (let seed = near; seed < near + SEEDS_MAX; seed++) {
    if ((await failureOf(seed, options)) !== undefined) return true;
  }
  return false;
}

async function byCrashPoints({ files }: Plant): Promise<boolean> {
  for (const options of Object.values(CRASH_VARIANTS)) {
    const run = new ScriptedRun(options);
    if (files !== undefined) run.plant = files;
    for (const moment of await run.moments()) {
      for (const how of CRASHES) await crash(moment, how, options, undefined, files);
    }
  }
  return false;
}

async function byHistories(): Promise<boolean> {
  for (let seed = 1; seed <= 40; seed++) {
    const db = await openIn(testEnv(undefined, seed), { ...TINY, valueThreshold: 4 });
    const history = await runClients(new MelesStore(db), seed, { kind: "register" });
    await db.close();
    if (check(history).length > 0) return true;
  }
  return false;
}

async function byDamagedCopies(): Promise<boolean> {
  const made = await makeOriginal({});
  for (let seed = 1; seed <= 300; seed++) {
    const { files } = damageOne(made.files, seed);
    await askCopy(filesIn(files), made);
  }
  return false;
}

const FINDERS: Readonly<Record<Finder, (plant: Plant) => Promise<boolean>>> = {
  simulator: bySimulation,
  "crash points": byCrashPoints,
  histories: byHistories,
  "damaged copies": byDamagedCopies,
};

describe("a planted flaw is found", () => {
  for (const plant of PLANTS) {
    for (const finder of plant.foundBy) {
      test(`by the ${finder}: ${plant.name}`, async () => {
        expect(await finds(plant, FINDERS[finder])).toBe(true);
      }, 60_000);
    }
  }
});

test("the table in README.md is this one", () => {
  const path = join(import.meta.dir, "README.md");
  const text = readFileSync(path, "utf8");
  const finders = Object.keys(FINDERS) as Finder[];
  const rows = PLANTS.map(
    ({ name, foundBy }) =>
      `| ${name} |${finders.map((finder) => (foundBy.includes(finder) ? " found |" : " |")).join("")}`,
  );
  const table = [
    `| planted flaw | ${finders.join(" | ")} |`,
    `|---${"|---".repeat(finders.length)}|`,
    ...rows,
  ].join("\n");
  const updated = text.replace(/\| planted flaw [\s\S]*?\n(?=\n)/, `${table}\n`);
  if (process.env["UPDATE_GOLDEN"] !== undefined) writeFileSync(path, updated);
  expect(text).toContain(table);
});
