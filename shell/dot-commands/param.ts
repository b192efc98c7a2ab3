/** `.param`: list, set and clear parameters. */

import { usageError } from "../exit-codes.ts";
import { parseAssignment } from "../parameters.ts";
import { PLAIN } from "../renderers/renderer.ts";
import { tableRenderer } from "../renderers/table.ts";
import type { DotContext } from "./dot-command-table.ts";

export async function runParam({ runner, rest }: DotContext): Promise<void> {
  const { settings, language, outlet } = runner.parts;
  if (rest === "") {
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
  const cleared = /^clear(?:\s+:?(\S+))?$/.exec(rest);
  if (cleared === null) {
    const [name, value] = parseAssignment(language, rest);
    settings.parameters.set(name, value);
    return;
  }
  const [, name] = cleared;
  if (name === undefined) settings.parameters.clear();
  else if (!settings.parameters.delete(name)) {
    throw usageError(`there is no parameter ${name}`, "see: .param");
  }
}
