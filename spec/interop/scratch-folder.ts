/** Directories that specs make and remove, and copies of them. */

import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of its own; `using` removes it with everything in it. */
export class ScratchFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), "meles-interop-"));
  #copies = 0;

  /** A path in it for a new directory. */
  at(name: string): string {
    return join(this.path, name);
  }

  /** A copy of a directory: opening read-write always changes one. */
  copyOf(directory: string): string {
    const copy = this.at(`copy-${++this.#copies}`);
    cpSync(directory, copy, { recursive: true });
    return copy;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
