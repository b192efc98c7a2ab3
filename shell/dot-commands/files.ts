/** `.open .output .once .read`: the dot commands that name a place on disk. */

import type { DotContext } from "./dot-command-table.ts";

export async function runOpen({ runner, arguments: words }: DotContext): Promise<void> {
  await runner.parts.workspace.reopen(words[0] ?? "", words[1]);
}

export async function runOutput({ runner, name, arguments: words }: DotContext): Promise<void> {
  const [path] = words;
  const { outlet } = runner.parts;
  if (path === undefined || path === "stdout") await outlet.toStandardOutput();
  else await outlet.toFile(path, name === ".once");
}

export async function runRead({ runner, arguments: words, signal }: DotContext): Promise<void> {
  await runner.readFile(words[0] ?? "", signal);
}
