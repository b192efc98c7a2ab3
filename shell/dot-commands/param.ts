/** `.param`: list, set and clear parameters. */

import { usageError } from "../exit-codes.ts";
import { parseAssignment } from "../parameters.ts";
import { PLAIN } from "../renderers/renderer.ts";
import { tableRenderer } from "../renderers/table.ts";
import type { DotContext } from "./dot-command-table.ts";

export async function runParam({ runner, arguments: words, rest }: DotContext): Promise<void> {
  const { settings, language, outlet } = runner.parts;
  const [first, second, ...more] = words;
  if (first === undefined) {
    const renderer = tableRenderer(["parameter", "value"], {
      keyStyle: "auto",
      valueStyle: "auto",
      headers: true,
      footer: false,
      terminal: outlet.isTerminal,
      paint: PLAIN,
      quoteBytes: language.quoteBytes,
    });
    const rows = [...settings.parameters].map(([name, value]) => [
      /^\d/.test(name) ? `?${name}` : `:${name}`,
      value,
    ]);
    if (rows.length === 0) return runner.say("no parameters are set");
    for (const piece of [renderer.begin(), renderer.rows(rows), renderer.end()]) {
      await outlet.sink.write(piece);
    }
    return;
  }
  if (first === "clear" && more.length === 0) {
    if (second === undefined) settings.parameters.clear();
    else if (!settings.parameters.delete(second.replace(/^:/, ""))) {
      throw usageError(`there is no parameter ${second}`, "see: .param");
    }
    return;
  }
  // As typed, so that literals keep their quotes; without `:=` a quoted value loses them.
  const literal = /^:?\w+:=/.test(rest);
  const [name, value] = parseAssignment(language, literal ? rest : words.join(" "));
  settings.parameters.set(name, value);
}
