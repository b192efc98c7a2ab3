/**
 * Oracle: hands out versions and knows which of them anybody may see.
 *
 * Three numbers in order: `discardVersion` ≤ `lastCommitted` ≤ the last version handed out. The commit
 * queue, alone and on one thread, takes versions with `nextVersion` and publishes a group after it is
 * durable and in the memtable, so a snapshot at `lastCommitted` never changes (I2) and a reader never
 * waits. Versions of a group that failed are never reused: a later publish passes over them.
 */

import { assert } from "../base/assert.ts";
import { MelesError } from "../base/errors.ts";
import { VERSION_MAX } from "../base/ids.ts";
import type { Version } from "../base/ids.ts";
import { Watermark } from "./watermark.ts";

/**
 * Version that uncommitted writes of a transaction carry in its cursors: above every version that can
 * be committed, so own writes win. The oracle never hands it out.
 */
export const OWN_WRITE_VERSION: Version = VERSION_MAX;

export class Oracle {
  readonly #readers = new Watermark();
  #lastCommitted: Version;
  #lastIssued: Version;
  /** Managed databases: nothing above this may be discarded. */
  #discardLimit: Version | undefined;

  /** `lastVersion`: the newest version found in the directory, 0 in a new one. */
  constructor(lastVersion: Version) {
    assert(
      Number.isSafeInteger(lastVersion) && lastVersion >= 0,
      "the last version is a safe integer",
    );
    this.#lastCommitted = lastVersion;
    this.#lastIssued = lastVersion;
  }

  /** Everything up to and including this version is visible to new readers. */
  get lastCommitted(): Version {
    return this.#lastCommitted;
  }

  /** The newest version handed out; above `lastCommitted` while commits are on their way to disk. */
  get lastIssued(): Version {
    return this.#lastIssued;
  }

  /** Read versions that are registered now, duplicates counted. */
  get activeReaders(): number {
    return this.#readers.size;
  }

  /**
   * Of the versions of a key at or below this, only the newest can still be read by anybody, except by
   * time travel. The oldest registered reader, or `lastCommitted` when there is none; in a managed
   * database never above the caller's limit.
   */
  get discardVersion(): Version {
    return Math.min(this.oldestRead, this.#discardLimit ?? this.oldestRead);
  }

  /** No open snapshot is older: the oldest registered reader, or `lastCommitted` when there is none. */
  get oldestRead(): Version {
    return Math.min(this.#readers.oldest ?? this.#lastCommitted, this.#lastCommitted);
  }

  /** What `setDiscardVersion` has said; 0 in a managed database before that, and in all others. */
  get discardLimit(): Version {
    return this.#discardLimit ?? 0;
  }

  /** Registers a reader of the latest committed state; give the version back with `endRead`. */
  beginRead(): Version {
    this.#readers.add(this.#lastCommitted);
    return this.#lastCommitted;
  }

  /** Registers a reader of an older (or, in a managed database, any) state. */
  beginReadAt(version: Version): void {
    this.#readers.add(version);
  }

  endRead(version: Version): void {
    this.#readers.remove(version);
  }

  /** The next commit's version. For the commit queue alone. */
  nextVersion(): Version {
    if (this.#lastIssued >= OWN_WRITE_VERSION - 1) {
      throw new MelesError(
        "ERR_OVERFLOW",
        "all versions up to 2^53 are used up; dump the database and load it into a new directory",
      );
    }
    this.#lastIssued++;
    return this.#lastIssued;
  }

  /** Managed databases: the caller has chosen a commit's version. For the commit queue alone. */
  issue(version: Version): void {
    assert(version < OWN_WRITE_VERSION, "a chosen version can be committed");
    this.#lastIssued = Math.max(this.#lastIssued, version);
  }

  /** Makes everything up to `version` visible. Versions are published in the order they were handed out. */
  publish(version: Version): void {
    assert(version <= this.#lastIssued, "only versions that were handed out are published");
    assert(version >= this.#lastCommitted, "versions are published in order");
    this.#lastCommitted = version;
  }

  /**
   * Moves on to at least `version`, issued and published: for versions that come from elsewhere (a
   * restored backup, a commit of a managed database). Never goes back.
   */
  advanceTo(version: Version): void {
    assert(Number.isSafeInteger(version), "a version is a safe integer");
    this.#lastIssued = Math.max(this.#lastIssued, version);
    this.#lastCommitted = Math.max(this.#lastCommitted, version);
  }

  /** Managed databases: older versions may go up to here. Never goes back. */
  setDiscardVersion(version: Version): void {
    this.#discardLimit = Math.max(this.#discardLimit ?? 0, version);
  }
}
