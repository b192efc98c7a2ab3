/**
 * `dropPrefix` and `dropAll`: a cut at a version of its own. Readers see it as soon as that version is
 * visible; it is for good when the call returns. What it hides is removed in the background
 * (cut-work.ts), at the latest when the database is closed. Writers do not wait: what they write after
 * the call has newer versions, and stays.
 *
 * Order: the version is taken in the turn of the call and written to the log like any commit; the log
 * is synced; the manifest takes the cut. The log holds the version as a delete marker of a key of the
 * engine: were the process killed and Badger to open the directory, it would go on above that version,
 * and its writes would not be hidden.
 *
 * Should the manifest have no room, the call fails and the keys show again. After any other failure to
 * write it the cut may be there or not, and nothing is written until the database is reopened.
 */

import { concatBytes, prefixEnd, startsWith, toBytes } from "../base/bytes.ts";
import { KEY_SIZE_MAX, RESERVED_KEY_PREFIX } from "../base/ids.ts";
import type { Env } from "../env/env.ts";
import { type Cut, storeCut } from "../format/cut.ts";
import type { ManifestLog } from "../manifest/manifest-log.ts";
import type { KeyRange } from "../transaction/key-range.ts";
import { invalid } from "./arguments.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { Key } from "./contract.ts";
import type { Cuts } from "./cuts.ts";
import type { DataKeys } from "./data-keys.ts";
import type { Maintenance } from "./maintenance.ts";
import type { Memtables } from "./memtables.ts";
import type { TreeState } from "./tree-state.ts";

export interface DropParts {
  readonly env: Env;
  readonly keys: DataKeys;
  readonly queue: CommitQueue;
  readonly manifest: ManifestLog;
  readonly cuts: Cuts;
  readonly memtables: Memtables;
  readonly trees: TreeState;
  readonly maintenance: Maintenance;
}

const MARKER_KEY = concatBytes(RESERVED_KEY_PREFIX, toBytes("cut"));

export async function dropPrefixes(parts: DropParts, given: readonly Key[]): Promise<void> {
  const { env, keys, queue, manifest, cuts, memtables, trees, maintenance } = parts;
  const prefixes = outermost(given.map(prefixBytes));
  if (prefixes.length === 0) return;
  let cut: Cut | undefined;
  try {
    const version = await queue.cut(MARKER_KEY, prefixes.map(rangeOf), (taken) => {
      cut = { version: taken, prefixes };
      cuts.add(cut, false, memtables.newestFirst, trees.tree.version);
    });
    await queue.syncInBackground();
    manifest.append({
      changes: [],
      cuts: [storeCut({ version, prefixes }, keys.current(), env.random)],
      newestVersion: version,
      // Neither reads at older versions nor incremental backups from there would be complete.
      thinnedVersion: version,
      droppedEndVersion: version,
    });
    cuts.settle(version);
  } catch (error) {
    if (cut !== undefined) cuts.end(cut.version);
    // Whether the manifest holds the cut nobody knows then: no write may come after it.
    if (!manifest.isUsable) queue.poison(error);
    throw error;
  }
  maintenance.schedule();
}

function prefixBytes(prefix: Key): Uint8Array {
  if (typeof prefix !== "string" && !(prefix instanceof Uint8Array)) {
    throw invalid("a prefix is a string or a Uint8Array");
  }
  return toBytes(prefix).slice();
}

/** Without those that another one begins, and those that no key can have. */
function outermost(prefixes: readonly Uint8Array[]): Uint8Array[] {
  const sorted = prefixes
    .filter((prefix) => prefix.length <= KEY_SIZE_MAX)
    .sort((a, b) => a.length - b.length);
  const kept: Uint8Array[] = [];
  for (const prefix of sorted) {
    if (!kept.some((shorter) => startsWith(prefix, shorter))) kept.push(prefix);
  }
  return kept;
}

function rangeOf(prefix: Uint8Array): KeyRange {
  return { lower: prefix, lowerInclusive: true, upper: prefixEnd(prefix), upperInclusive: false };
}
