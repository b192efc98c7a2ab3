/** `.history`: what was typed, oldest first. */

import { visibleText } from "../renderers/cell.ts";
import { usageError } from "../exit-codes.ts";
import type { DotContext } from "./dot-command-table.ts";

const SHOWN_DEFAULT = 20;

export async function runHistory({ runner, arguments: [word] }: DotContext): Promise<void> {
  if (word !== undefined && !/^\d{1,9}$/.test(word)) {
    throw usageError(`.history ${word}: not a number`, "usage: .history [N]");
  }
  const shown = word === undefined ? SHOWN_DEFAULT : Number(word);
  const entries = runner.history();
  const from = Math.max(0, entries.length - shown);
  const { sink } = runner.parts.outlet;
  for (let i = from; i < entries.length; i++) {
    const lines = (entries[i] ?? "").split("\n").map(visibleText);
    await sink.write(`${String(i + 1).padStart(5)}  ${lines.join("\n       ")}\n`);
  }
  await runner.parts.outlet.settle();
}
