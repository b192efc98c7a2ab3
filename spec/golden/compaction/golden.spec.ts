/**
 * The scripts beside this file: each block's commands must print what stands below its `----`.
 * `UPDATE_GOLDEN=1 bun test spec/golden/compaction` writes the files anew; read the difference.
 */

import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ScriptRun } from "./script.ts";

const FOLDER = import.meta.dir;
const isUpdating = process.env["UPDATE_GOLDEN"] === "1";

interface Block {
  /** Comments and commands. */
  readonly input: readonly string[];
  readonly output: string;
}

function parse(text: string): Block[] {
  const blocks: Block[] = [];
  for (const part of text.trim().split(/\n\n+/)) {
    const lines = part.split("\n");
    const rule = lines.indexOf("----");
    const input = rule < 0 ? lines : lines.slice(0, rule);
    blocks.push({ input, output: rule < 0 ? "" : lines.slice(rule + 1).join("\n") });
  }
  return blocks;
}

function commandsOf({ input }: Block): string[] {
  return input.filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

describe("compaction scripts", () => {
  for (const name of readdirSync(FOLDER).filter((file) => file.endsWith(".txt"))) {
    test(name, () => {
      const path = join(FOLDER, name);
      const blocks = parse(readFileSync(path, "utf8"));
      const run = new ScriptRun();
      const printed = blocks.map((block) => run.run(commandsOf(block)));
      if (isUpdating) {
        const parts = blocks.map(({ input }, i) =>
          printed[i] === "" ? input.join("\n") : `${input.join("\n")}\n----\n${printed[i]}`,
        );
        writeFileSync(path, `${parts.join("\n\n")}\n`);
      }
      blocks.forEach((block, i) => {
        if (!isUpdating)
          expect(`${block.input.join("\n")}\n${printed[i]}`).toBe(
            `${block.input.join("\n")}\n${block.output}`,
          );
      });
      expect(printed.join("")).not.toBe("");
    });
  }
});
