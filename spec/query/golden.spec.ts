/** Readable scripts in, readable text out: spec/golden/query/*.txt. Regenerate with UPDATE_GOLDEN=1. */

import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { open } from "../../src/open.ts";
import { NaiveDatabase } from "../suites/naive-database.ts";
import { runScript } from "./golden.ts";

const directory = join(import.meta.dir, "../golden/query");

for (const name of readdirSync(directory).filter((file) => file.endsWith(".txt"))) {
  if (["error.txt", "expression.txt", "transaction.txt"].includes(name)) {
    test(`the script ${name} prints the same on the engine`, async () => {
      const script = readFileSync(join(directory, name), "utf8");
      expect(await runScript(script, (env) => open("/db", { env }))).toBe(script);
    });
  }

  test(`the script ${name} prints what it says`, async () => {
    const path = join(directory, name);
    const script = readFileSync(path, "utf8");
    const options = name.startsWith("small-") ? { transactionBytesMax: 200 } : { keysPerTable: 4 };
    const printed = await runScript(script, (env) => new NaiveDatabase(env, options));
    if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, printed);
    expect(printed).toBe(process.env["UPDATE_GOLDEN"] === "1" ? printed : script);
  });
}
