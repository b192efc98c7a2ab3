/** The completer's view of database and disk. Every question is answered with a bounded number of steps. */

import { readdirSync } from "node:fs";
import type { Database } from "../engine.ts";
import { decodeStrict, isPrintable, toBytes } from "../renderers/cell.ts";
import type { Catalog, KeyPiece } from "./completer.ts";

const PIECES_MAX = 100;
const SEEKS_MAX = 400;
/** Where keys are usually cut into parts. */
const SEPARATOR = /[:/|.#]/;

/** `database` is asked at every call: `.open` may have changed it. */
export function liveCatalog(database: () => Database): Catalog {
  return {
    keys: (prefix) => {
      try {
        return keyPieces(database(), prefix);
      } catch {
        // A closed or damaged database is told by statements, not by Tab.
        return [];
      }
    },
    paths: (path, directoriesOnly) => pathsFor(path, directoriesOnly),
  };
}

/** Like a directory listing: keys up to their next separator, skipping from one such group to the next. */
function keyPieces(database: Database, prefix: string): KeyPiece[] {
  const pieces: KeyPiece[] = [];
  using scan = database.scan({ prefix, keysOnly: true });
  using cursor = scan.cursor();
  cursor.seek(prefix);
  for (let seeks = 0; cursor.valid && pieces.length < PIECES_MAX && seeks < SEEKS_MAX; seeks++) {
    const key = decodeStrict(cursor.key);
    if (key === undefined || !isPrintable(key)) {
      cursor.next();
      continue;
    }
    const rest = key.slice(prefix.length);
    const cut = rest.search(SEPARATOR);
    const text = cut < 0 ? key : prefix + rest.slice(0, cut + 1);
    pieces.push({ text, whole: cut < 0 });
    if (cut < 0) cursor.next();
    else seekBehind(cursor, toBytes(text));
  }
  return pieces;
}

/** To the first key that does not start with `prefix` (which ends with an ASCII separator). */
function seekBehind(cursor: { seek(key: Uint8Array): void }, prefix: Uint8Array): void {
  const end = prefix.slice();
  end[end.length - 1] = (end[end.length - 1] as number) + 1;
  cursor.seek(end);
}

function pathsFor(path: string, directoriesOnly: boolean): string[] {
  const slash = path.lastIndexOf("/");
  const shown = path.slice(0, slash + 1);
  const start = path.slice(slash + 1);
  try {
    return readdirSync(shown === "" ? "." : shown, { withFileTypes: true })
      .filter((entry) => entry.name.startsWith(start) && isPrintable(entry.name))
      .filter((entry) => start !== "" || !entry.name.startsWith("."))
      .filter((entry) => !directoriesOnly || entry.isDirectory())
      .map((entry) => shown + entry.name + (entry.isDirectory() ? "/" : ""))
      .sort()
      .slice(0, PIECES_MAX);
  } catch {
    return [];
  }
}
