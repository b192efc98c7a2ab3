/** The table of output modes. */

import { jsonlRenderer, jsonRenderer } from "./json.ts";
import { lineRenderer } from "./line.ts";
import { rawRenderer } from "./raw.ts";
import type { Mode, RendererFactory } from "./renderer.ts";
import { csvRenderer, markdownRenderer, tsvRenderer } from "./separated.ts";
import { tableRenderer } from "./table.ts";

export const RENDERERS: Readonly<Record<Mode, RendererFactory>> = {
  table: tableRenderer,
  line: lineRenderer,
  json: jsonRenderer,
  jsonl: jsonlRenderer,
  csv: csvRenderer,
  tsv: tsvRenderer,
  raw: rawRenderer,
  markdown: markdownRenderer,
};
