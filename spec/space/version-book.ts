/** The naive twin of a history: every version of every key, and what a reader at a version sees. */

import type { Version } from "../../src/base/ids.ts";

export interface BookedVersion {
  readonly version: Version;
  /** `undefined`: deleted. */
  readonly value: Uint8Array | undefined;
  readonly userMeta: number;
  /** Unix seconds, 0 = never. */
  readonly expiresAt: number;
}

export class VersionBook {
  /** Oldest first. */
  readonly #versions = new Map<string, BookedVersion[]>();

  add(key: string, booked: BookedVersion): void {
    const versions = this.#versions.get(key);
    if (versions === undefined) this.#versions.set(key, [booked]);
    else versions.push(booked);
  }

  /** What a reader at `at` sees of a key. */
  visible(key: string, at: Version, nowMs: number): BookedVersion | undefined {
    const newest = this.#versions.get(key)?.findLast(({ version }) => version <= at);
    if (newest === undefined || newest.value === undefined) return undefined;
    return newest.expiresAt !== 0 && newest.expiresAt <= nowMs / 1000 ? undefined : newest;
  }

  /** Keys with something to see, ascending. */
  keys(at: Version, nowMs: number): string[] {
    return [...this.#versions.keys()].filter((key) => this.visible(key, at, nowMs)).sort();
  }
}
