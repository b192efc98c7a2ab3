/** The cases of the Hermitage test suite as golden scripts, through the API and through SQL. UPDATE_GOLDEN=1 rewrites them. */

import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { openIn, testEnv } from "../../suites/open-database.ts";
import { ApiSide, runScript, SqlSide } from "./isolation-script.ts";

const folder = join(import.meta.dir, "../../golden/isolation");
const open = () => openIn(testEnv());

for (const name of readdirSync(folder)) {
  const path = join(folder, name);

  test(`${name}: through the API`, async () => {
    const printed = await runScript(readFileSync(path, "utf8"), open, (db) => new ApiSide(db));
    if (process.env["UPDATE_GOLDEN"] !== undefined) writeFileSync(path, printed);
    expect(printed).toBe(readFileSync(path, "utf8"));
  });

  test(`${name}: through SQL`, async () => {
    const printed = await runScript(readFileSync(path, "utf8"), open, (db) => new SqlSide(db));
    expect(printed).toBe(readFileSync(path, "utf8"));
  });
}
