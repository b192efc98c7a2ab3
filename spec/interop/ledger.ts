/**
 * The ledger of a history: every write that was acknowledged, with its version. The naive twin of both
 * engines; what they hold is compared with it.
 */

import { expect } from "bun:test";
import { compareBytes } from "../../src/base/bytes.ts";

/** One write; a `deleted` one has no value. */
export interface LedgerWrite {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly userMeta: number;
  /** Unix seconds, 0 = never. Long past or far ahead, so that no comparison depends on the hour. */
  readonly expiresAt: number;
  readonly deleted: boolean;
  /** Older versions may go. */
  readonly discard: boolean;
}

export interface LedgerVersion extends LedgerWrite {
  readonly version: number;
}

/** What an engine shows of a version. Badger tells `discard` too. */
export interface FoundVersion extends Omit<LedgerWrite, "discard"> {
  readonly version: number;
  readonly discard?: boolean;
}

const NOW_SECONDS = Math.floor(Date.now() / 1000);

/** Deleted, or expired. */
function isGone({ deleted, expiresAt }: FoundVersion): boolean {
  return deleted || (expiresAt !== 0 && expiresAt <= NOW_SECONDS);
}

/** One line per version: what differs shows in the failure's text. */
function line(entry: FoundVersion): string {
  const name = `${entry.key.toHex()}@${entry.version}`;
  if (isGone(entry)) return `${name} gone`;
  const hash = Bun.hash.xxHash32(entry.value).toString(16);
  const discard = entry.discard === true ? " discard" : "";
  return `${name} = ${entry.value.length}:${hash} meta ${entry.userMeta} expires ${entry.expiresAt}${discard}`;
}

const SHOWN_MAX = 8;

/** The first lines that only one side has, or else are in another place. */
function expectSame(found: readonly string[], expected: readonly string[]): void {
  const [here, there] = [new Set(found), new Set(expected)];
  expect({
    missing: expected.filter((text) => !here.has(text)).slice(0, SHOWN_MAX),
    unexpected: found.filter((text) => !there.has(text)).slice(0, SHOWN_MAX),
    count: found.length,
    misplaced: found.filter((text, at) => text !== expected[at]).slice(0, SHOWN_MAX),
  }).toEqual({ missing: [], unexpected: [], count: expected.length, misplaced: [] });
}

const withoutDiscard = (entry: FoundVersion): FoundVersion => ({ ...entry, discard: false });

export class Ledger {
  /** Newest first, by key in hexadecimal digits. */
  readonly #versions = new Map<string, LedgerVersion[]>();
  newest = 0;

  /** A commit; of several writes of a key the last one counts. */
  add(version: number, writes: readonly LedgerWrite[]): void {
    for (const write of writes) {
      const name = write.key.toHex();
      const older = (this.#versions.get(name) ?? []).filter((one) => one.version !== version);
      const all = [...older, { ...write, version }];
      this.#versions.set(
        name,
        all.sort((a, b) => b.version - a.version),
      );
    }
    this.newest = Math.max(this.newest, version);
  }

  /** All keys ever written. */
  keys(): Uint8Array[] {
    return [...this.#sorted()].map(([first]) => (first as LedgerVersion).key);
  }

  live(): LedgerVersion[] {
    return [...this.#sorted()].flatMap(([newest]) =>
      newest === undefined || isGone(newest) ? [] : [newest],
    );
  }

  versions(): LedgerVersion[] {
    return [...this.#sorted()].flat();
  }

  /** Exactly every version ever written. */
  expectAllVersions(found: readonly FoundVersion[]): void {
    expectSame(found.map(line), this.versions().map(this.#comparable(found)).map(line));
  }

  /** Exactly what is live. */
  expectLive(found: readonly FoundVersion[]): void {
    expectSame(found.map(line), this.live().map(this.#comparable(found)).map(line));
  }

  /**
   * What compactions may have thinned: nothing that was not written, in order, and of each key at
   * least the newest `versionsToKeep` down to the first that is gone or lets older ones go.
   */
  expectThinned(found: readonly FoundVersion[], versionsToKeep: number): void {
    const comparable = this.#comparable(found);
    const lines = found.map(line);
    const present = new Set(lines);
    // What was found: nothing that was not written, in the order of the ledger.
    const written = this.versions().map(comparable).map(line);
    expectSame(
      lines,
      written.filter((text) => present.has(text)),
    );
    const needed = [...this.#sorted()].flatMap((history) => kept(history, versionsToKeep));
    const missing = needed.map((one) => line(comparable(one))).filter((text) => !present.has(text));
    expect(missing.slice(0, SHOWN_MAX)).toEqual([]);
  }

  *#sorted(): Generator<LedgerVersion[]> {
    const histories = [...this.#versions.values()];
    const key = (history: LedgerVersion[]): Uint8Array => (history[0] as LedgerVersion).key;
    yield* histories.sort((a, b) => compareBytes(key(a), key(b)));
  }

  /** Meles does not show which versions let older ones go: then they are compared without. */
  #comparable(found: readonly FoundVersion[]): (entry: FoundVersion) => FoundVersion {
    return found.some((one) => one.discard !== undefined) ? (one) => one : withoutDiscard;
  }
}

/** The part of a key's history that no engine may drop. */
function kept(history: readonly LedgerVersion[], versionsToKeep: number): LedgerVersion[] {
  const gone = history.findIndex(isGone);
  const discard = history.findIndex((one) => one.discard && !one.deleted);
  const ends = [
    versionsToKeep,
    gone < 0 ? history.length : gone,
    discard < 0 ? history.length : discard + 1,
  ];
  return history.slice(0, Math.min(...ends));
}
