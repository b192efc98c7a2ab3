/** `.help [PATTERN]`: the table of dot commands, the statements, and the keys of the editor. */

import { usageError } from "../exit-codes.ts";
import type { DotContext } from "./dot-command-table.ts";

/** One line per statement, in the order in which people meet them. */
const STATEMENTS: readonly (readonly [string, string])[] = [
  [
    "SELECT … FROM kv|history [PREFIX 'p'] WHERE …",
    "query entries; also GROUP BY, ORDER BY, LIMIT",
  ],
  ["GET 'k'; PUT 'k' 'v' [TTL 15m]; DEL 'k', …", "single entries"],
  ["SCAN ['p'] [LIMIT n] [REVERSE]; COUNT ['p']", "entries under a prefix"],
  ["HISTORY 'k'; WATCH ['p']", "every stored version; changes as they come"],
  ["INSERT INTO kv (key, value) VALUES (…)", "insert; a key that exists is an error"],
  ["UPDATE kv SET … WHERE …; DELETE FROM kv WHERE …", "change and delete many"],
  ["BEGIN [READ ONLY [AT VERSION n]]; COMMIT; ROLLBACK", "transactions"],
  ["EXPLAIN [ANALYZE] …", "the plan, and what it cost"],
  ["IMPORT 'file' KEY …; EXPORT SELECT … TO 'file'", "csv, tsv, json, jsonl"],
  ["FLUSH; COMPACT; COLLECT; VERIFY; DROP PREFIX 'p'", "maintenance"],
];

const KEYS: readonly (readonly [string, string])[] = [
  ["Enter", "run a complete statement, else a new line"],
  ["Tab", "complete keywords, columns, functions, keys"],
  ["Up, Down", "move between lines, then through the history"],
  ["Ctrl-R", "search the history"],
  ["Ctrl-C", "drop the input, or stop the running statement"],
];

export async function runHelp({ runner, arguments: [pattern] }: DotContext): Promise<void> {
  // Here rather than at the top: the table imports this file.
  const { DOT_COMMANDS } = await import("./dot-command-table.ts");
  const dots = DOT_COMMANDS.map(
    ({ name, usage, summary }) => [`${name} ${usage}`.trimEnd(), summary] as const,
  );
  const sections: readonly (readonly [string, readonly (readonly [string, string])[]])[] = [
    ["Dot commands", dots],
    ["Statements", STATEMENTS],
    ["Keys", KEYS],
  ];
  const wanted = pattern?.toLowerCase() ?? "";
  const matches = (row: readonly [string, string]): boolean =>
    row.some((text) => text.toLowerCase().includes(wanted));
  const { outlet } = runner.parts;
  let found = false;
  for (const [title, rows] of sections) {
    const shown = rows.filter(matches);
    if (shown.length === 0) continue;
    found = true;
    await outlet.sink.write(`${title}\n${twoColumns(shown)}`);
  }
  if (!found) throw usageError(`nothing in the help matches ${pattern}`, "see: .help");
  await outlet.settle();
}

const LEFT_WIDTH = 52;

function twoColumns(rows: readonly (readonly [string, string])[]): string {
  return rows.map(([left, right]) => `  ${left.padEnd(LEFT_WIDTH)}  ${right}\n`).join("");
}
