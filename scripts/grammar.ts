/**
 * `bun scripts/grammar.ts` prints the grammar of the query language as EBNF;
 * `bun scripts/grammar.ts --diagram FILE` writes railroad diagrams, one page that needs nothing else.
 */

import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { toDiagramHtml } from "../grammar/diagram.ts";
import { toEbnf } from "../grammar/ebnf.ts";

const { values } = parseArgs({ options: { diagram: { type: "string" } } });
if (values.diagram === undefined) await Bun.write(Bun.stdout, toEbnf());
else await Bun.write(values.diagram, await selfContained(toDiagramHtml("")));

/** The page with the scripts and the style sheet that it names put inside. */
async function selfContained(html: string): Promise<string> {
  const api = fileURLToPath(import.meta.resolve("chevrotain"));
  const folder = join(dirname(api), "..", "..", "diagrams");
  const named = /<script src='([^']+)'><\/script>|<link rel='stylesheet' href='([^']+)'>/g;
  const parts: string[] = [];
  let from = 0;
  for (const match of html.matchAll(named)) {
    const [tag, script, style] = match;
    const text = await Bun.file(join(folder, script ?? style ?? "")).text();
    const inlined = script === undefined ? `<style>${text}</style>` : `<script>${text}</script>`;
    parts.push(html.slice(from, match.index), inlined);
    from = match.index + tag.length;
  }
  return `${parts.join("")}${html.slice(from)}`;
}
