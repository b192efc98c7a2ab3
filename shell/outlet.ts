/**
 * Where results go: standard output, or a file named by `.output` (until reset) or `.once` (for one
 * statement). Invariant: at most one file is open, and what was written to it is complete on disk
 * before the next prompt.
 */

import { openSync } from "node:fs";
import { EXIT_ERROR, ExitError } from "./exit-codes.ts";
import type { Host } from "./host.ts";
import type { Sink } from "./sink.ts";
import { FileSink } from "./sink.ts";

export class Outlet {
  readonly #host: Host;
  #file: FileSink | undefined;
  #once = false;

  constructor(host: Host) {
    this.#host = host;
  }

  get sink(): Sink {
    return this.#file ?? this.#host.stdout;
  }

  /** Whether results can be seen by a person right away. */
  get isTerminal(): boolean {
    return this.#file === undefined && this.#host.stdout.isTerminal;
  }

  async toFile(path: string, once: boolean): Promise<void> {
    await this.toStandardOutput();
    try {
      this.#file = new FileSink(openSync(path, "w"), path);
      this.#once = once;
    } catch (error) {
      const code = error instanceof Error && "code" in error ? String(error.code) : String(error);
      throw new ExitError(EXIT_ERROR, `cannot write to ${path}: ${code}`, undefined, error);
    }
  }

  async toStandardOutput(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
  }

  /** After every statement: files are flushed, a `.once` file is closed. */
  async settle(): Promise<void> {
    if (this.#file === undefined) return;
    if (this.#once) await this.toStandardOutput();
    else await this.#file.flush();
  }
}
