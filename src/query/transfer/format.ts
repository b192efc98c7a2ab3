/** Which format a file has: as the statement says, else by its ending. */

import type { FileFormat, Span } from "../../../grammar/ast.ts";
import { Problem } from "../problem.ts";

const ENDINGS: readonly (readonly [ending: string, format: FileFormat])[] = [
  [".csv", "csv"],
  [".tsv", "tsv"],
  [".json", "json"],
  [".jsonl", "jsonl"],
  [".ndjson", "jsonl"],
];

export function formatOf(path: string, said: FileFormat | undefined, span: Span): FileFormat {
  if (said !== undefined) return said;
  const lower = path.toLowerCase();
  const found = ENDINGS.find(([ending]) => lower.endsWith(ending));
  if (found !== undefined) return found[1];
  throw new Problem(
    `the ending of ${JSON.stringify(path)} does not tell its format`,
    span,
    "say it: AS csv, AS tsv, AS json or AS jsonl",
  );
}
