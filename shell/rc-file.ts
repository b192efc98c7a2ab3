/**
 * `$XDG_CONFIG_HOME/meles/rc`, or `~/.config/meles/rc`: dot commands and statements run before
 * anything else. A failure in it is reported and does not stop the shell.
 */

import { stat } from "node:fs/promises";
import { join } from "node:path";
import { Batch } from "./batch.ts";
import type { Host } from "./host.ts";
import { Interruption } from "./interruption.ts";
import type { Runner } from "./runner.ts";
import { fileSource } from "./script-source.ts";

/** Only absolute directories count, as the XDG rules say. */
export function rcPath({ env, homeDirectory }: Host): string | undefined {
  const configured = env["XDG_CONFIG_HOME"];
  if (configured?.startsWith("/") === true) return join(configured, "meles", "rc");
  return homeDirectory === "" ? undefined : join(homeDirectory, ".config", "meles", "rc");
}

export async function runRcFile(runner: Runner): Promise<void> {
  const path = rcPath(runner.parts.host);
  if (path === undefined || !(await isFile(path))) return;
  await using source = await fileSource(path);
  using interruption = new Interruption(runner.parts.host);
  await new Batch(runner, interruption, { keepGoing: true }).run(source);
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
