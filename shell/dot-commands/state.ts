/** `.stats .levels .tables`: the engine's own state, in the current mode. */

import type { StateRows } from "../state-rows.ts";
import { levelRows, statsRows, tableRows } from "../state-rows.ts";
import type { DotContext } from "./dot-command-table.ts";

export async function runLevels({ runner }: DotContext): Promise<void> {
  await show(runner, levelRows(runner.parts.workspace.database));
}

export async function runTables({ runner }: DotContext): Promise<void> {
  await show(runner, tableRows(runner.parts.workspace.database));
}

/** As name and value pairs: two dozen columns beside each other cannot be read. */
export async function runStats({ runner }: DotContext): Promise<void> {
  const { columns, rows } = statsRows(runner.parts.workspace.database);
  await show(runner, {
    columns: ["name", "value"],
    rows: columns.map((name, i) => [name, rows[0]?.[i] ?? null]),
  });
}

async function show(runner: DotContext["runner"], { columns, rows }: StateRows): Promise<void> {
  const { outlet } = runner.parts;
  const renderer = runner.renderer(columns);
  for (const piece of [renderer.begin(), renderer.rows(rows), renderer.end()]) {
    await outlet.sink.write(piece);
  }
  await outlet.settle();
}
