/** Runs a command of the program in this process, on a host in memory. */

import { main } from "../../shell/main.ts";
import type { MemoryHostOptions } from "./memory-host.ts";
import { MemoryHost } from "./memory-host.ts";

export interface CommandRun {
  readonly code: number;
  readonly out: string;
  readonly outBytes: Uint8Array;
  readonly err: string;
}

export async function run(
  vector: readonly string[],
  options: Omit<MemoryHostOptions, "stdin"> & { readonly stdin?: string | Uint8Array } = {},
): Promise<CommandRun> {
  const { stdin, ...rest } = options;
  const host = new MemoryHost({ ...rest, ...(stdin === undefined ? {} : { stdin: [stdin] }) });
  const code = await main(vector, host);
  return { code, out: host.stdout.text(), outBytes: host.stdout.bytes(), err: host.stderr.text() };
}
