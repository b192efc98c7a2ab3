/**
 * `dropPrefix` and `dropAll`: a cut at a version of its own. Readers see it as soon as that version is
 * visible. What it hides is removed in the background (cut-work.ts), at the latest when the database is
 * closed. Writers do not wait: what they write after the call has newer versions, and stays.
 *
 * The cut is a commit like any other: one record of the log, in the order of the versions, as durable as
 * the level says when the call returns, and there or not there together with everything around it. Were
 * the process killed and Badger to open the directory, it would go on above that version.
 *
 * In a managed database commits may come at any version, also below the cut's, so it is carried out
 * before the call returns, and older versions of other keys stay readable.
 */

import { prefixEnd, startsWith, toBytes } from "../base/bytes.ts";
import { KEY_SIZE_MAX } from "../base/ids.ts";
import { CUT_KEY, encodeLoggedCut } from "../format/cut.ts";
import type { ManifestLog } from "../manifest/manifest-log.ts";
import type { KeyRange } from "../transaction/key-range.ts";
import { invalid } from "./arguments.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { Key } from "./contract.ts";
import type { Cuts } from "./cuts.ts";
import type { Maintenance } from "./maintenance.ts";
import type { Memtables } from "./memtables.ts";
import type { Settings } from "./settings.ts";
import type { TreeState } from "./tree-state.ts";

export interface DropParts {
  readonly queue: CommitQueue;
  readonly manifest: ManifestLog;
  readonly cuts: Cuts;
  readonly memtables: Memtables;
  readonly trees: TreeState;
  readonly maintenance: Maintenance;
  readonly settings: Settings;
}

export async function dropPrefixes(parts: DropParts, given: readonly Key[]): Promise<void> {
  const { queue, manifest, cuts, memtables, trees, maintenance, settings } = parts;
  const prefixes = outermost(given.map(prefixBytes));
  if (prefixes.length === 0) return;
  const value = encodeLoggedCut(prefixes);
  const version = await queue.cut(CUT_KEY, value, prefixes.map(rangeOf), (taken) => {
    cuts.add({ version: taken, prefixes }, false, memtables.newestFirst, trees.tree.version);
  });
  // Neither reads at older versions nor incremental backups from there would be complete.
  manifest.noteCut(version);
  if (settings.managed) await maintenance.carryOutCuts();
  else maintenance.schedule();
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
