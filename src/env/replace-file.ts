/** Small files that are written anew as a whole: a crash leaves the old one or the new one. */

import { join } from "../base/paths.ts";
import type { FileSystem } from "./file-system.ts";

/** Writes `parts`, one behind the other, as `draftName`, and puts that in the place of `name`. Durable on return. */
export function replaceFile(
  fileSystem: FileSystem,
  directory: string,
  draftName: string,
  name: string,
  parts: readonly Uint8Array[],
): void {
  const draftPath = join(directory, draftName);
  const draft = fileSystem.open(draftPath, { write: true, create: "truncate" });
  try {
    let position = 0;
    for (const part of parts) {
      draft.write(part, 0, part.length, position);
      position += part.length;
    }
    draft.sync();
  } finally {
    draft.close();
  }
  fileSystem.rename(draftPath, join(directory, name));
  fileSystem.syncDirectory(directory);
}
