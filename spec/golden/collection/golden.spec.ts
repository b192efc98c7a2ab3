/**
 * The scripts beside this file: each block's commands must print what stands below its `----`.
 * `UPDATE_GOLDEN=1 bun test spec/golden/collection` writes the files anew; read the difference.
 */

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { CollectionScript } from "./script.ts";

const FOLDER = import.meta.dir;

/** The script with what its commands print now. */
function printed(text: string): string {
  const run = new CollectionScript();
  const blocks = text
    .trim()
    .split(/\n\n+/)
    .map((block) => {
      const [input = ""] = block.split(/\n----(?:\n|$)/);
      const commands = input.split("\n").filter((line) => !line.startsWith("#"));
      const output = run.run(commands);
      return output === "" ? input : `${input}\n----\n${output}`;
    });
  return `${blocks.join("\n\n")}\n`;
}

describe("collection scripts", () => {
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith(".txt"))) {
    test(name, () => {
      const path = join(FOLDER, name);
      const text = readFileSync(path, "utf8");
      const now = printed(text);
      if (process.env["UPDATE_GOLDEN"] === "1") writeFileSync(path, now);
      else expect(now).toBe(text);
      expect(now).toContain("----");
    });
  }
});
