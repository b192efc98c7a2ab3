/**
 * Backup and restore of an open database: what `backup/` needs of the engine, and nothing else.
 *
 * A backup reads one snapshot; it and the tree it began on are held until the end. A restore has the
 * commit queue to itself: other writers wait, because a version they took could be one that the backup
 * is about to bring. Readers go on; versions newer than the database's appear all at once at the end.
 */

import { writeBackup } from "../backup/backup.ts";
import { type BackupSink, openDestination } from "../backup/destination.ts";
import { type BackupSource, openOrigin } from "../backup/origin.ts";
import { RestoreRun } from "../backup/restore.ts";
import { MelesError } from "../base/errors.ts";
import { RESERVED_KEY_PREFIX, type Version } from "../base/ids.ts";
import { VisibleCursor } from "../cursor/visible-cursor.ts";
import { pointerFile } from "../format/value-pointer.ts";
import { boundsOf, invalid } from "./arguments.ts";
import type { BackupOptions, RestoreOptions } from "./contract.ts";
import type { DatabaseParts } from "./database.ts";
import { openSource } from "./scan-source.ts";

/** @param closed aborted when the database is closed, which ends the backup with `ERR_CLOSED` */
export async function backupDatabase(
  parts: DatabaseParts,
  sink: BackupSink,
  options: BackupOptions,
  closed: AbortSignal,
): Promise<{ version: Version }> {
  const { since = 0, onProgress } = options;
  if (!Number.isSafeInteger(since) || since < 0) {
    throw invalid("since is the version of an earlier backup, 0 for everything");
  }
  const { droppedEndVersion } = parts.manifest;
  if (since > 0 && since < droppedEndVersion) {
    throw new MelesError(
      "ERR_VERSION_GONE",
      `deletions after version ${since} have been compacted away, so an incremental backup from there would bring deleted keys back; take a full one (since 0)`,
    );
  }
  using interruption = new Interruption("backup", closed, options.signal);
  const { checkpoint } = interruption;
  checkpoint();
  const destination = openDestination(sink, parts.outside);
  // A reader that has stopped reading must not hold up the end.
  interruption.onEnd = (reason) => void destination.abandon(reason);
  const snapshot = parts.snapshots.open("stream");
  let cursor: VisibleCursor | undefined;
  try {
    cursor = openCursor(parts, snapshot.readVersion, since);
    const content = {
      cursor,
      nowSeconds: Math.floor(parts.env.clock.nowMs() / 1000),
      readValue: parts.values.readView.bind(parts.values),
    };
    const written = await writeBackup(content, destination, { onProgress, checkpoint });
    checkpoint();
    await destination.finish();
    return { version: written.entries === 0 ? since : written.version };
  } catch (error) {
    await destination.abandon(error);
    checkpoint();
    throw error;
  } finally {
    cursor?.close();
    snapshot.close();
  }
}

function openCursor(parts: DatabaseParts, readVersion: Version, since: Version): VisibleCursor {
  const bounds = boundsOf({ allVersions: true, since });
  const source = openSource(
    undefined,
    parts.memtables.newestFirst,
    parts.trees.tree,
    bounds,
    parts.cuts.upTo(readVersion),
    parts.banned,
  );
  const nowSeconds = 0; // Expired versions are shown like all others.
  return new VisibleCursor(source, {
    ...bounds,
    nowSeconds,
    readVersion,
    hidden: RESERVED_KEY_PREFIX,
    isCollected: (bytes, offset) => parts.values.isGone(pointerFile(bytes, offset)),
  });
}

/** @param closed aborted when the database is closed, which ends the restore with `ERR_CLOSED` */
export async function restoreDatabase(
  parts: DatabaseParts,
  source: BackupSource,
  options: RestoreOptions,
  closed: AbortSignal,
): Promise<{ version: Version; entries: number }> {
  const { queue, settings, outside } = parts;
  using interruption = new Interruption("restore", closed, options.signal);
  const { checkpoint } = interruption;
  checkpoint();
  const origin = openOrigin(source, outside);
  // A source that brings nothing must not hold up the end.
  interruption.onEnd = () => void origin.close();
  try {
    await holdWithoutCuts(parts);
    try {
      const run = new RestoreRun(
        origin,
        {
          valueSizeMax: settings.valueLogFileSize,
          write: queue.writeHeld.bind(queue),
        },
        { onProgress: options.onProgress, checkpoint },
      );
      try {
        await run.finish();
      } finally {
        noteThinned(parts, run.told.version);
      }
      return run.told;
    } finally {
      queue.release();
    }
  } finally {
    await origin.close();
  }
}

/**
 * Takes the queue when no dropped prefix hides anything any more: what a restore brings has old versions,
 * and must not be hidden with what was dropped before.
 */
async function holdWithoutCuts({ queue, cuts, maintenance }: DatabaseParts): Promise<void> {
  for (;;) {
    // Without a cut the queue is taken in this very turn.
    if (!cuts.isEmpty) await maintenance.carryOutCuts();
    if (!cuts.isEmpty) {
      throw new MelesError(
        "ERR_NOT_SUPPORTED",
        "a snapshot from before dropPrefix() or dropAll() is still open; discard it, then restore",
      );
    }
    await queue.hold();
    if (cuts.isEmpty) return;
    queue.release();
  }
}

/** What history the backup left out nobody knows: reads below its newest version would miss it. */
function noteThinned({ manifest }: DatabaseParts, version: Version): void {
  if (version <= manifest.thinnedVersion || !manifest.isUsable) return;
  manifest.append({ changes: [], thinnedVersion: version });
}

/** Why work that spans many turns of the event loop has to end: the caller's signal, or `close()`. */
class Interruption implements Disposable {
  readonly #what: string;
  readonly #closed: AbortSignal;
  readonly #signal: AbortSignal | undefined;
  /** Called at most once, as soon as there is a reason. */
  onEnd: (reason: unknown) => void = () => undefined;

  constructor(what: string, closed: AbortSignal, signal: AbortSignal | undefined) {
    this.#what = what;
    this.#closed = closed;
    this.#signal = signal;
    closed.addEventListener("abort", this.#end, { once: true });
    signal?.addEventListener("abort", this.#end, { once: true });
  }

  readonly #end = (): void => this.onEnd(this.#reason());

  /** Throws if there is a reason. */
  readonly checkpoint = (): void => {
    const reason = this.#reason();
    if (reason !== undefined) throw reason;
  };

  #reason(): MelesError | undefined {
    if (this.#closed.aborted) return new MelesError("ERR_CLOSED", "the database is closed");
    if (this.#signal?.aborted !== true) return undefined;
    const cause = this.#signal.reason;
    return new MelesError("ERR_ABORTED", `the ${this.#what} was stopped`, { cause });
  }

  [Symbol.dispose](): void {
    this.#closed.removeEventListener("abort", this.#end);
    this.#signal?.removeEventListener("abort", this.#end);
  }
}
