/**
 * Golden files of the grammar: blocks of a text, a line of dashes and what came out of it, separated by
 * blank lines. `UPDATE_GOLDEN=1 bun test spec/grammar` writes them anew; read the difference before
 * keeping it.
 */

import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** One test per block of `spec/grammar/<name>`: `outcome` of the input is what the file says. */
export function golden(name: string, outcome: (input: string) => string): void {
  const path = join(import.meta.dir, name);
  const blocks = readFileSync(path, "utf8").trimEnd().split("\n\n");
  const updating = process.env["UPDATE_GOLDEN"] === "1";
  const written: string[] = [];
  for (const block of blocks) {
    const [input = "", recorded = ""] = block.split(/\n----\n?/);
    test(input.replaceAll("\n", " "), () => {
      const found = outcome(input);
      written.push(`${input}\n----\n${found}`);
      if (!updating) expect(found).toBe(recorded);
    });
  }
  if (!updating) return;
  test(`${name} is written anew`, () => {
    writeFileSync(path, `${written.join("\n\n")}\n`);
    expect(written).toHaveLength(blocks.length);
  });
}
