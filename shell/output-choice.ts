/** From flags and stream to mode and render options: the same rule for every command that lists rows. */

import type { Arguments } from "./arguments.ts";
import { painter } from "./color.ts";
import type { Language } from "./engine.ts";
import { usageError } from "./exit-codes.ts";
import type { Host } from "./host.ts";
import type { RenderStyle } from "./renderers/cell.ts";
import type { Mode, RenderOptions } from "./renderers/renderer.ts";

/** `--json`, `--mode`, or table on a terminal and tsv in a pipe. */
export function chooseMode(host: Host, given: Arguments): Mode {
  const mode = given.value("mode") as Mode | undefined;
  if (given.has("json")) {
    if (mode !== undefined && mode !== "json") throw usageError(`--json and --mode ${mode} differ`);
    return "json";
  }
  return mode ?? (host.stdout.isTerminal ? "table" : "tsv");
}

export function renderOptions(
  host: Host,
  given: Arguments,
  language: Language,
  color: boolean,
): RenderOptions {
  const style = (given.value("render") as RenderStyle | undefined) ?? "auto";
  return {
    keyStyle: style,
    valueStyle: style,
    headers: !given.has("no-header"),
    footer: true,
    terminal: host.stdout.isTerminal,
    paint: painter(color),
    quoteBytes: language.quoteBytes,
  };
}
