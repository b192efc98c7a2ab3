/** The format text lists 46 hazards; each has specs here that carry its number. */

import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const HAZARDS = 46;

test("every hazard has a spec named after it", () => {
  const named = new Set<number>();
  for (const file of readdirSync(import.meta.dir).filter((name) => name.endsWith(".spec.ts"))) {
    const source = readFileSync(join(import.meta.dir, file), "utf8");
    for (const [, numbers = ""] of source.matchAll(/"hazards? (\d+(?: and \d+)?):/g)) {
      for (const number of numbers.split(" and ")) named.add(Number(number));
    }
  }
  const all = Array.from({ length: HAZARDS }, (_, index) => index + 1);
  expect(all.filter((number) => !named.has(number))).toEqual([]);
});
