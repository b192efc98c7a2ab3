/** What the texts show is true: the README's program runs, statements parse, tables leave nothing out. */

import { describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { parse } from "../grammar/index.ts";
import { exampleQueries } from "../scripts/demo/queries.ts";
import { COMMANDS, UNSUPPORTED_COMMANDS } from "../shell/command-table.ts";
import { ERROR_CODES } from "../src/base/errors.ts";

const root = dirname(import.meta.dir);
const readme = readFileSync(join(root, "README.md"), "utf8");

/** The fenced blocks of a language. */
function blocks(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm");
  return [...readme.matchAll(fence)].map(([, text]) => text ?? "");
}

describe("the README", () => {
  test("shows a program that runs", async () => {
    const directory = mkdtempSync(join(tmpdir(), "meles-readme-"));
    try {
      const [program = ""] = blocks("ts");
      const source = JSON.stringify(join(root, "src", "index.ts"));
      writeFileSync(join(directory, "app.ts"), program.replace('"./src/index.ts"', source));
      const child = Bun.spawn([process.execPath, "app.ts"], {
        cwd: directory,
        stdio: ["ignore", "pipe", "inherit"],
      });
      const output = await child.stdout.text();
      expect(await child.exited).toBe(0);
      expect(output).toContain('{"name":"Ada","visits":2}');
      expect(output).toContain("visits: 2");
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  test("shows statements that parse", () => {
    const texts = blocks("sql");
    expect(texts.length).toBe(2);
    const statements = texts.flatMap((text) => {
      const result = parse(text);
      expect(result).toMatchObject({ kind: "ok" });
      return result.kind === "ok" ? result.statements : [];
    });
    expect(statements.length).toBeGreaterThan(25);
  });

  test("shows the demo's queries", () => {
    const shown = blocks("sql").at(-1);
    const queries = Object.values(exampleQueries);
    expect(shown).toBe(queries.map(({ title, text }) => `-- ${title}\n${text};\n`).join("\n"));
  });

  test("names every option", () => {
    const source = readFileSync(join(root, "src", "options.ts"), "utf8");
    const fields = source.slice(source.indexOf("interface OpenOptions"));
    const names = [...fields.slice(0, fields.indexOf("\n}")).matchAll(/readonly (\w+)\?:/g)];
    expect(names.length).toBeGreaterThan(20);
    // `env` is for specs.
    const missing = names.filter(([, name]) => name !== "env" && !readme.includes(`\`${name}\``));
    expect(missing.map(([, name]) => name)).toEqual([]);
  });

  test("says what to do about every error that can occur", async () => {
    const used = new Set<string>();
    for await (const path of new Bun.Glob("{src,grammar}/**/*.ts").scan(root)) {
      if (path === "src/base/errors.ts") continue;
      const text = readFileSync(join(root, path), "utf8");
      for (const [code] of text.matchAll(/ERR_[A-Z_]+/g)) used.add(code);
    }
    const missing = ERROR_CODES.filter((code) => used.has(code) && !readme.includes(`\`${code}\``));
    expect(missing).toEqual([]);
  });

  test("names every command, and those that are not built yet", () => {
    const missing = COMMANDS.filter(
      ({ name }) => !new RegExp(`\`(?:meles )?${name}\\b`).test(readme),
    );
    expect(missing.map(({ name }) => name)).toEqual([]);
    const unbuilt = readme.slice(readme.indexOf("## What is not built yet"));
    expect(UNSUPPORTED_COMMANDS.filter((name) => !unbuilt.includes(name))).toEqual([]);
  });
});

test("CONTRIBUTING justifies every dependency, and no other", () => {
  const manifest: Record<"dependencies" | "devDependencies", Record<string, string>> = JSON.parse(
    readFileSync(join(root, "package.json"), "utf8"),
  );
  const contributing = readFileSync(join(root, "CONTRIBUTING.md"), "utf8");
  const table =
    contributing.slice(contributing.indexOf("| package | why |")).split("\n\n")[0] ?? "";
  const rows = table.split("\n").map((row) => row.split("|")[1] ?? "");
  const justified = rows.flatMap((row) => [...row.matchAll(/`([^`]+)`/g)].map(([, name]) => name));
  const wanted = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.devDependencies)];
  expect(justified.toSorted()).toEqual(wanted.toSorted());
});
