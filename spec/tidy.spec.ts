/**
 * The repository obeys its own rules. Each rule is shown to catch a planted violation first; the lint
 * configuration is shown to hold the layers by linting a planted tree of imports.
 */

import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import {
  holdsNoConflict,
  isFinished,
  namesNoMachine,
  namesNoRegistry,
  hasPlainName,
  hidesWithHash,
  keepsUnreleasedHead,
  liesInKnownPlace,
  LINES_MAX,
  locksNoAddress,
  LONG_FILES,
  namesRealCommands,
  namesRealFiles,
  opensWithComment,
  readsNoClock,
  runsEverySpec,
  staysShort,
  type Rule,
  type SourceFile,
} from "./tidy/rules.ts";

const root = dirname(import.meta.dir);
const manifest: { packageManager: string; scripts: Record<string, string> } = JSON.parse(
  readFileSync(join(root, "package.json"), "utf8"),
);
const bunVersion = manifest.packageManager.replace("bun@", "");

const ignored = new Set([".git", "node_modules", "dist", "data"]);

function* filesBelow(folder: string): Generator<SourceFile> {
  for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (ignored.has(path) || entry.name.endsWith(".log") || entry.name === ".DS_Store") continue;
    if (entry.isDirectory() && path !== "spec/fixtures") yield* filesBelow(path);
    else if (entry.isFile()) yield { path, text: readFileSync(join(root, path), "utf8") };
  }
}

const files = [...filesBelow("")];
const paths = new Set(files.map(({ path }) => path));

interface Case {
  readonly name: string;
  readonly rule: Rule;
  readonly planted: SourceFile;
  readonly fine: SourceFile;
  /** Shows how a rule works that another case applies to the repository. */
  readonly plantedOnly?: boolean;
}

const sentence = "/** What it is. */\n";
const cases: readonly Case[] = [
  {
    name: "every source file opens with a block comment",
    rule: opensWithComment,
    planted: { path: "src/base/heap.ts", text: `import "./ids.ts";\n${sentence}` },
    fine: { path: "src/base/heap.ts", text: sentence },
  },
  {
    name: `no file has more than ${LINES_MAX} lines`,
    rule: staysShort(LONG_FILES),
    planted: { path: "src/table/reader.ts", text: "x\n".repeat(LINES_MAX + 1) },
    fine: { path: "src/table/reader.ts", text: "x\n".repeat(LINES_MAX) },
  },
  {
    name: "a file with an exception does not grow",
    rule: staysShort({ "src/a.ts": 700 }),
    planted: { path: "src/a.ts", text: "x\n".repeat(701) },
    fine: { path: "src/a.ts", text: "x\n".repeat(700) },
    plantedOnly: true,
  },
  {
    name: "a file that has shrunk gives back its exception",
    rule: staysShort({ "src/a.ts": 700 }),
    planted: { path: "src/a.ts", text: "x\n".repeat(650) },
    fine: { path: "src/b.ts", text: "x\n" },
    plantedOnly: true,
  },
  {
    name: "nothing unknown lies at the top",
    rule: liesInKnownPlace,
    planted: { path: "notes/plan.md", text: "" },
    fine: { path: "src/plan.ts", text: "" },
  },
  {
    name: "files are named in kebab-case",
    rule: hasPlainName,
    planted: { path: "src/table/blockReader.ts", text: "" },
    fine: { path: "spec/table/block-reader.spec.ts", text: "" },
  },
  {
    name: "no folder or file is a drawer for odds and ends",
    rule: hasPlainName,
    planted: { path: "src/utils/heap.ts", text: "" },
    fine: { path: "src/base/heap.ts", text: "" },
  },
  {
    name: "nothing unfinished is marked to be finished later",
    rule: isFinished,
    planted: { path: "src/a.ts", text: "// TODO: sync" },
    fine: { path: "src/a.ts", text: "const TODOS = 1;" },
  },
  {
    name: "no text names a machine's paths",
    rule: namesNoMachine,
    planted: { path: "README.md", text: "see /home/ann/meles" },
    fine: { path: "README.md", text: "see ./data and /tmp/data" },
  },
  {
    name: "no text names a package registry",
    rule: namesNoRegistry,
    planted: { path: ".ci/run", text: "https://registry.example.org" },
    fine: { path: ".ci/run", text: "npm install" },
  },
  {
    name: "no merge conflict is left",
    rule: holdsNoConflict,
    planted: { path: "README.md", text: "<<<<<<< HEAD" },
    fine: { path: "README.md", text: "a <<<<<<< b" },
  },
  {
    name: "what is private is #private",
    rule: hidesWithHash,
    planted: { path: "src/a.ts", text: "class A {\n  private readonly size = 1;\n}" },
    fine: { path: "src/a.ts", text: "class A {\n  readonly #size = 1;\n}" },
  },
  {
    name: "no spec shuts out the others",
    rule: runsEverySpec,
    planted: { path: "spec/a.spec.ts", text: `test.only("x", () => {});` },
    fine: { path: "spec/a.spec.ts", text: `test("x", () => {});` },
  },
  {
    name: "the engine does not read the clock through a bare date",
    rule: readsNoClock,
    planted: { path: "src/query/now.ts", text: "const now = new Date();" },
    fine: { path: "src/env/clock.ts", text: "const now = new Date();" },
  },
  {
    name: "the lock file names no address",
    rule: locksNoAddress,
    planted: { path: "bun.lock", text: '["a@1.0.0", "https://packages.example/a.tgz"]' },
    fine: { path: "bun.lock", text: '["a@1.0.0", "", {}]' },
  },
  {
    name: "every command that the texts name exists",
    rule: namesRealCommands(Object.keys(manifest.scripts), bunVersion),
    planted: { path: "README.md", text: "Run `bun run fly`." },
    fine: {
      path: "README.md",
      text: "Run `bun run test` or `npx bun@" + bunVersion + " run test`.",
    },
  },
  {
    name: "the texts name the pinned Bun",
    rule: namesRealCommands(Object.keys(manifest.scripts), bunVersion),
    planted: { path: ".ci/run", text: "npx bun@1.0.0 start" },
    fine: { path: ".ci/run", text: `npx bun@${bunVersion} start` },
  },
  {
    name: "every file that the texts name exists",
    rule: namesRealFiles(paths),
    planted: { path: "README.md", text: "see `base/heap.ts`" },
    fine: { path: "README.md", text: "see `base/ids.ts` and `shell/main.ts`" },
  },
  {
    name: "the changelog begins with what is not released",
    rule: keepsUnreleasedHead,
    planted: { path: "CHANGELOG.md", text: "# Changelog\n\n## 0.1.0\n" },
    fine: { path: "CHANGELOG.md", text: "# Changelog\n\n## Unreleased\n" },
  },
];

describe("house rules", () => {
  test("there is something to check", () => {
    expect(files.filter(({ path }) => path.startsWith("src/")).length).toBeGreaterThan(30);
  });

  for (const { name, rule, planted, fine, plantedOnly } of cases) {
    test(name, () => {
      expect(rule(planted)).toHaveLength(1);
      expect(rule(fine)).toEqual([]);
      if (plantedOnly !== true) expect(files.flatMap(rule)).toEqual([]);
    });
  }

  test("no exception for a long file outlives the file", () => {
    expect(Object.keys(LONG_FILES).filter((path) => !paths.has(path))).toEqual([]);
  });
});

/** The layers from low to high: a folder may import those before it, with the exceptions below. */
const layers = [
  "base",
  "env",
  "format",
  "seal",
  "cursor",
  "log",
  "manifest",
  "memtable",
  "table",
  "value-log",
  "compaction",
  "backup",
  "inspect",
  "salvage",
  "transaction",
  "database",
  "worker",
  "query",
];

/** A worker runs jobs and never sees the database; the query layer stands on the public contract alone. */
function mayImport(from: string, to: string): boolean {
  if (from === "worker") return !["transaction", "database", "worker", "query"].includes(to);
  if (from === "query") return ["base", "env"].includes(to);
  return layers.indexOf(to) < layers.indexOf(from);
}

describe("lint", () => {
  let tree: string;
  let found: Map<string, Set<string>>;

  /** Rule codes reported for a planted file. */
  const codes = (path: string) => [...(found.get(path) ?? [])].toSorted();

  beforeAll(async () => {
    tree = mkdtempSync(join(tmpdir(), "meles-lint-"));
    for (const name of [".oxlintrc.json", "tsconfig.json"])
      cpSync(join(root, name), join(tree, name));
    symlinkSync(join(root, "node_modules"), join(tree, "node_modules"));
    for (const [path, text] of plantedTree()) {
      mkdirSync(dirname(join(tree, path)), { recursive: true });
      writeFileSync(join(tree, path), text);
    }
    found = await lint(tree);
  });

  afterAll(() => {
    rmSync(tree, { recursive: true, force: true });
  });

  test("every folder is a layer", () => {
    const folders = readdirSync(join(root, "src"), { withFileTypes: true });
    const names = folders.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
    expect(names.filter((name) => !layers.includes(name))).toEqual([]);
  });

  test("an import goes down only", () => {
    const wrong: string[] = [];
    for (const from of layers) {
      for (const to of layers.filter((layer) => layer !== from)) {
        const refused = codes(`src/${from}/imports-${to}.ts`).includes(
          "eslint(no-restricted-imports)",
        );
        if (refused === mayImport(from, to))
          wrong.push(`${from} → ${to}: ${refused ? "" : "not "}refused`);
      }
    }
    expect(wrong).toEqual([]);
  });

  const refusedImports = [
    "src/base/public.ts",
    "src/database/pool.ts",
    "src/query/open.ts",
    "src/table/files.ts",
    "src/table/spec.ts",
    "grammar/engine.ts",
    "grammar/files.ts",
    "shell/engine.ts",
    "shell/grammar.ts",
  ];
  for (const path of refusedImports) {
    test(`refuses ${path}`, () => {
      expect(codes(path)).toEqual(["eslint(no-restricted-imports)"]);
    });
  }

  const allowedImports = [
    "src/database/pool-type.ts",
    "src/query/contract.ts",
    "src/env/files.ts",
    "src/index.ts",
    "grammar/parser.ts",
    "shell/allowed.ts",
  ];
  for (const path of allowedImports) {
    test(`allows ${path}`, () => {
      expect(codes(path)).toEqual([]);
    });
  }

  const effects: readonly (readonly [string, string])[] = [
    ["clock", "eslint(no-restricted-properties)"],
    ["random", "eslint(no-restricted-properties)"],
    ["performance", "eslint(no-restricted-globals)"],
    ["timeout", "eslint(no-restricted-globals)"],
    ["console", "eslint(no-console)"],
    ["default", "import(no-default-export)"],
    ["any", "typescript(no-explicit-any)"],
    ["floating", "typescript(no-floating-promises)"],
    ["cycle", "import(no-cycle)"],
  ];
  for (const [name, code] of effects) {
    test(`${code} holds in ${name}.ts`, () => {
      expect(codes(`src/format/${name}.ts`)).toContain(code);
    });
  }

  test("src/env may read the world", () => {
    expect(codes("src/env/clock.ts")).toEqual([]);
  });
});

/** One file per import that is or is not allowed, and one per banned call. */
function plantedTree(): [path: string, text: string][] {
  const uses = (source: string) =>
    `import { thing } from "${source}";\nexport const used = thing;\n`;
  const tree: [string, string][] = [];
  for (const from of layers) {
    tree.push([`src/${from}/thing.ts`, "export const thing = 1;\n"]);
    for (const to of layers.filter((layer) => layer !== from)) {
      tree.push([`src/${from}/imports-${to}.ts`, uses(`../${to}/thing.ts`)]);
    }
  }
  return [
    ...tree,
    ["src/index.ts", uses("./worker/thing.ts")],
    ["src/database/contract.ts", "export const thing = 1;\n"],
    ["src/base/public.ts", uses("../index.ts")],
    ["src/database/pool.ts", uses("../worker/thing.ts")],
    [
      "src/database/pool-type.ts",
      `import type { thing } from "../worker/thing.ts";\nexport type Used = typeof thing;\n`,
    ],
    ["src/query/open.ts", uses("../database/thing.ts")],
    ["src/query/contract.ts", uses("../database/contract.ts")],
    [
      "src/table/files.ts",
      `import { readFileSync } from "node:fs";\nexport const used = readFileSync;\n`,
    ],
    [
      "src/env/files.ts",
      `import { readFileSync } from "node:fs";\nexport const used = readFileSync;\n`,
    ],
    ["src/table/spec.ts", uses("../../spec/thing.ts")],
    ["grammar/engine.ts", uses("../src/base/thing.ts")],
    [
      "grammar/files.ts",
      `import { readFileSync } from "node:fs";\nexport const used = readFileSync;\n`,
    ],
    ["grammar/parser.ts", `import { Lexer } from "chevrotain";\nexport const used = Lexer;\n`],
    ["grammar/index.ts", "export const thing = 1;\n"],
    ["shell/engine.ts", uses("../src/database/thing.ts")],
    ["shell/grammar.ts", uses("../grammar/parser.ts")],
    [
      "shell/allowed.ts",
      `import { used } from "../src/index.ts";\nimport { thing } from "../grammar/index.ts";\nexport const both = [used, thing];\n`,
    ],
    [
      "src/env/clock.ts",
      "export const now = () => Date.now() + performance.now() + Math.random();\n",
    ],
    ["src/format/clock.ts", "export const now = () => Date.now();\n"],
    ["src/format/random.ts", "export const next = () => Math.random();\n"],
    ["src/format/performance.ts", "export const now = () => performance.now();\n"],
    ["src/format/timeout.ts", "export const later = (run: () => void) => setTimeout(run, 1);\n"],
    ["src/format/console.ts", "export const say = (text: string) => console.log(text);\n"],
    ["src/format/default.ts", "const thing = 1;\nexport default thing;\n"],
    ["src/format/any.ts", "export type Thing = any;\n"],
    [
      "src/format/floating.ts",
      "export async function run(): Promise<void> {\n  await Promise.resolve();\n}\n\nexport function start(): void {\n  run();\n}\n",
    ],
    ["src/format/cycle.ts", 'import { b } from "./cycle-back.ts";\nexport const a = () => b;\n'],
    ["src/format/cycle-back.ts", 'import { a } from "./cycle.ts";\nexport const b = () => a;\n'],
  ];
}

async function lint(tree: string): Promise<Map<string, Set<string>>> {
  const oxlint = join(root, "node_modules/oxlint/bin/oxlint");
  const child = Bun.spawn(
    [process.execPath, oxlint, "--format", "json", "src", "grammar", "shell"],
    {
      cwd: tree,
      stdio: ["ignore", "pipe", "inherit"],
    },
  );
  const report: { diagnostics: { filename: string; code: string }[] } = await child.stdout.json();
  const found = new Map<string, Set<string>>();
  for (const { filename, code } of report.diagnostics) {
    found.set(filename, (found.get(filename) ?? new Set()).add(code));
  }
  return found;
}
