/** Banning namespaces: records of the engine's own keys, read at open, one written per ban. */

import { EMPTY_BYTES } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import type { Version } from "../base/ids.ts";
import { VisibleCursor } from "../cursor/visible-cursor.ts";
import {
  BAN_PREFIX,
  BannedNamespaces,
  decodeBan,
  encodeBan,
  NAMESPACE_MAX,
} from "../format/namespace.ts";
import { boundsOf, invalid } from "./arguments.ts";
import type { CommitQueue } from "./commit-queue.ts";
import type { Cuts } from "./cuts.ts";
import type { Memtables } from "./memtables.ts";
import { openSource } from "./scan-source.ts";
import type { TreeState } from "./tree-state.ts";

export interface StoredBans {
  readonly memtables: Memtables;
  readonly trees: TreeState;
  readonly cuts: Cuts;
}

/** The bans that are stored and not dropped. Without an offset nobody asks for them. */
export function loadBans(
  offset: number,
  { memtables, trees, cuts }: StoredBans,
  newestVersion: Version,
): BannedNamespaces {
  const banned = new BannedNamespaces(offset);
  if (offset < 0) return banned;
  const bounds = boundsOf({ prefix: BAN_PREFIX });
  const applied = cuts.upTo(newestVersion);
  const source = openSource(
    undefined,
    memtables.newestFirst,
    trees.tree,
    bounds,
    applied,
    undefined,
  );
  const readVersion = newestVersion;
  const cursor = new VisibleCursor(source, {
    ...bounds,
    readVersion,
    nowSeconds: 0,
    hidden: EMPTY_BYTES,
  });
  try {
    for (cursor.seekToStart(); cursor.valid; cursor.next()) {
      const { keyBytes, keyOffset, keyLength } = cursor;
      const namespace = decodeBan(keyBytes.slice(keyOffset, keyOffset + keyLength));
      if (namespace !== undefined) banned.add(namespace);
    }
  } finally {
    cursor.close();
  }
  return banned;
}

/** Stores the ban, then applies it. */
export async function ban(
  banned: BannedNamespaces,
  queue: CommitQueue,
  given: number | bigint,
): Promise<void> {
  if (banned.offset < 0) {
    throw invalid("keys have no namespaces: open the database with namespaceOffset");
  }
  const namespace = namespaceOf(given);
  if (banned.list().includes(namespace)) return;
  await queue.put(encodeBan(namespace), EMPTY_BYTES, 0, 0, 0);
  await queue.syncInBackground();
  banned.add(namespace);
}

function namespaceOf(given: unknown): bigint {
  const isWhole = typeof given === "number" && Number.isSafeInteger(given);
  const namespace = isWhole ? BigInt(given) : given;
  if (typeof namespace !== "bigint" || namespace < 0n || namespace > NAMESPACE_MAX) {
    throw new MelesError(
      "ERR_INVALID_ARGUMENT",
      "a namespace is a whole number from 0 to 2^64 − 1 (beyond 2^53 a bigint)",
    );
  }
  return namespace;
}
