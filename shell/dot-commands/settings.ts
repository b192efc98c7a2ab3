/** The dot commands that show or change a setting. Without an argument they say what holds. */

import { usageError } from "../exit-codes.ts";
import type { RenderStyle } from "../renderers/cell.ts";
import { RENDER_STYLES } from "../renderers/cell.ts";
import { MODES } from "../renderers/renderer.ts";
import { didYouMean } from "../suggest.ts";
import type { DotContext } from "./dot-command-table.ts";

export async function runMode({ runner, arguments: [mode] }: DotContext): Promise<void> {
  const { settings } = runner.parts;
  if (mode === undefined) return runner.say(`mode ${settings.mode}`);
  settings.mode = oneOf(".mode", mode, MODES);
}

export async function runRender({ runner, arguments: words }: DotContext): Promise<void> {
  const { settings } = runner.parts;
  const [first, second] = words;
  if (first === undefined) {
    return runner.say(`keys ${settings.keyStyle}, values ${settings.valueStyle}`);
  }
  const column = first === "key" || first === "value" ? first : undefined;
  const name = column === undefined ? first : second;
  if (name === undefined || (column === undefined && second !== undefined)) {
    throw usageError(".render takes other arguments", "usage: .render [key|value] STYLE");
  }
  if (name === "tuple")
    throw usageError("style tuple is not supported in this version", "see: .help render");
  const style: RenderStyle = oneOf(".render", name, RENDER_STYLES);
  if (column !== "value") settings.keyStyle = style;
  if (column !== "key") settings.valueStyle = style;
}

export async function runTimer({ runner, arguments: [word] }: DotContext): Promise<void> {
  const { settings } = runner.parts;
  if (word === undefined) return runner.say(`timer ${settings.timer ? "on" : "off"}`);
  settings.timer = onOff(".timer", word);
}

export async function runHeaders({ runner, arguments: [word] }: DotContext): Promise<void> {
  const { settings } = runner.parts;
  if (word === undefined) return runner.say(`headers ${settings.headers ? "on" : "off"}`);
  settings.headers = onOff(".headers", word);
}

export async function runPager({ runner, arguments: [word] }: DotContext): Promise<void> {
  const { settings } = runner.parts;
  if (word === undefined) return runner.say(`pager ${settings.pager ? "on" : "off"}`);
  settings.pager = onOff(".pager", word);
}

export async function runMaxRows({ runner, arguments: [word] }: DotContext): Promise<void> {
  const { settings } = runner.parts;
  if (word === undefined) return runner.say(`maxrows ${settings.maxRows}`);
  if (!/^\d{1,15}$/.test(word))
    throw usageError(`.maxrows ${word}: not a number`, "0 shows all rows");
  settings.maxRows = Number(word);
}

function onOff(name: string, word: string): boolean {
  return oneOf(name, word, ["on", "off"]) === "on";
}

function oneOf<T extends string>(name: string, word: string, known: readonly T[]): T {
  const found = known.find((candidate) => candidate === word);
  if (found !== undefined) return found;
  throw usageError(
    `${name} ${word}: unknown${didYouMean(word, known)}`,
    `one of ${known.join(", ")}`,
  );
}
