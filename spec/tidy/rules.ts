/**
 * The house rules that no linter knows, as pure checkers: a path and a text in, complaints out. The
 * spec runs them over the repository, and over planted violations to show that each one can fail.
 */

export interface SourceFile {
  /** From the top of the repository, with `/`. */
  readonly path: string;
  readonly text: string;
}

/** What is wrong with a file, ready to print: `path:line: message`. */
export type Rule = (file: SourceFile) => string[];

const TYPESCRIPT = /\.ts$/;
const CODE = /^(?:src|grammar|shell|scripts)\/.*\.ts$/;

/** No file is longer, whatever it holds. */
export const LINES_MAX = 600;

/**
 * Files longer than `LINES_MAX`, with the length they may not exceed. Only ever shortened: a file that
 * has shrunk must have its entry lowered or removed.
 */
export const LONG_FILES: Readonly<Record<string, number>> = {};

/** Everything that may lie at the top of the repository. */
const TOP_LEVEL = new Set([
  "src",
  "shell",
  "grammar",
  "spec",
  "scripts",
  ".ci",
  "package.json",
  "bun.lock",
  "bunfig.toml",
  "tsconfig.json",
  "knip.json",
  ".gitignore",
  ".gitattributes",
  ".editorconfig",
  ".npmrc",
  ".oxlintrc.json",
  ".oxfmtrc.json",
  "README.md",
  "ARCHITECTURE.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "LICENSE",
  "SECURITY.md",
]);

export const opensWithComment: Rule = ({ path, text }) =>
  CODE.test(path) && !/^(?:#!.*\n)?\/\*\*[^*]/.test(text)
    ? [`${path}:1: open with a block comment: what it is, what it keeps true, who may call it`]
    : [];

export function staysShort(longFiles: Readonly<Record<string, number>>): Rule {
  return ({ path, text }) => {
    if (!TYPESCRIPT.test(path)) return [];
    const lines = text.trimEnd().split("\n").length;
    const allowed = longFiles[path];
    if (allowed === undefined) {
      return lines > LINES_MAX ? [`${path}: ${lines} lines, more than ${LINES_MAX}`] : [];
    }
    if (lines > allowed) return [`${path}: ${lines} lines, may not grow past ${allowed}`];
    return lines < allowed ? [`${path}: has shrunk to ${lines} lines, lower its entry`] : [];
  };
}

export const liesInKnownPlace: Rule = ({ path }) => {
  const top = path.split("/")[0] ?? "";
  return TOP_LEVEL.has(top) ? [] : [`${path}: nothing of this name belongs at the top`];
};

export const hasPlainName: Rule = ({ path }) => {
  const complaints: string[] = [];
  const names = path.split("/");
  if (names.some((name) => /^(?:utils?|helpers?|common|misc)(?:\.ts)?$/.test(name))) {
    complaints.push(`${path}: name it after what it holds`);
  }
  const kebab = /^\.?[a-z0-9]+(?:-[a-z0-9]+)*$/;
  const stem = (names.at(-1) ?? "").replace(/(?:\.(?:spec|suite|worker|bench|d))?\.ts$/, "");
  if (TYPESCRIPT.test(path) && ![...names.slice(0, -1), stem].every((name) => kebab.test(name))) {
    complaints.push(`${path}: names are kebab-case`);
  }
  return complaints;
};

const LATER = /\b(?:TODO|FIXME|HACK)\b/;
const MACHINE_PATH = /(?<![\w.~])\/(?:work|root|home|Users)\/\w/;
const PACKAGE_REGISTRY = /registry\.\w+\.\w|npmmirror|npmjs\./i;
const MERGE_CONFLICT = /^(?:<{7} |>{7} |={7}$)/;

export const isFinished: Rule = (file) => complain(file, LATER, "finish it or leave it out");

export const namesNoMachine: Rule = (file) =>
  complain(file, MACHINE_PATH, "names a machine's path");

export const namesNoRegistry: Rule = (file) => complain(file, PACKAGE_REGISTRY, "names a registry");

export const holdsNoConflict: Rule = (file) => complain(file, MERGE_CONFLICT, "is not merged");

/** A private constructor is fine, there is no other way to say it; so is what subclasses fill in. */
const PRIVATE_KEYWORD =
  /^\s*(?:private|public)\s+(?!constructor\b)(?:readonly\s+|static\s+|async\s+)*\w+\s*[(:;=?]/;

export const hidesWithHash: Rule = (file) =>
  TYPESCRIPT.test(file.path) ? complain(file, PRIVATE_KEYWORD, "use #private fields") : [];

export const runsEverySpec: Rule = (file) =>
  /^spec\/.*\.spec\.ts$/.test(file.path)
    ? complain(file, /\b(?:test|it|describe)\.only\(/, "leaves all other specs out")
    : [];

/** `Date.now` and its like are lint errors; a bare `new Date()` reads the clock just the same. */
export const readsNoClock: Rule = (file) =>
  /^src\/(?!env\/)/.test(file.path)
    ? complain(file, /\bnew Date\(\)/, "time comes from env.clock")
    : [];

/** Downloads must come from whatever registry the machine uses, so the lock file names none. */
export const locksNoAddress: Rule = (file) =>
  file.path === "bun.lock" ? complain(file, /https?:\/\//, "locks an address") : [];

/** Every `bun run NAME`, `bun NAME` and `npx bun@… [run] NAME` in a text must be a script. */
export function namesRealCommands(scripts: readonly string[], bunVersion: string): Rule {
  return ({ path, text }) => {
    if (!/^(?:[A-Z]+\.md|\.ci\/run)$/.test(path)) return [];
    const complaints: string[] = [];
    for (const [command, script] of text.matchAll(/\bbun(?:@[\d.]+)? run ([a-z][\w:-]*)/g)) {
      if (!scripts.includes(script as string))
        complaints.push(`${path}: \`${command}\` is no script`);
    }
    for (const [, version] of text.matchAll(/\bbun@(\d[\w.-]*)/g)) {
      if (version !== bunVersion)
        complaints.push(`${path}: bun@${version} instead of ${bunVersion}`);
    }
    return complaints;
  };
}

/** Every source file that a text names in backquotes must exist, from the top or from `src/`. */
export function namesRealFiles(paths: ReadonlySet<string>): Rule {
  return ({ path, text }) => {
    if (!/^[A-Z]+\.md$/.test(path)) return [];
    const named = [...text.matchAll(/`([a-z][\w./-]*\/[\w./-]*\.ts)`/g)].map(([, name]) =>
      String(name),
    );
    const missing = named.filter((name) => !paths.has(name) && !paths.has(`src/${name}`));
    return missing.map((name) => `${path}: there is no ${name}`);
  };
}

export const keepsUnreleasedHead: Rule = ({ path, text }) =>
  path === "CHANGELOG.md" && !/^# .+\n+## Unreleased\n/.test(text)
    ? [`${path}: the first section is "## Unreleased"`]
    : [];

/** This very folder has to name what it forbids. */
const OWN = /^spec\/tidy[./]/;

function complain(file: SourceFile, pattern: RegExp, reason: string): string[] {
  if (OWN.test(file.path)) return [];
  return file.text
    .split("\n")
    .flatMap((line, index) => (pattern.test(line) ? [`${file.path}:${index + 1}: ${reason}`] : []));
}
