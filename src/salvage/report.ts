/**
 * What a salvage found and did: plain data, for people and programs.
 */

import type { Version } from "../base/ids.ts";

export interface SalvageFinding {
  /** Name in the source directory. */
  readonly file: string;
  /** First byte concerned; 0 for the whole file. */
  readonly offset: number;
  readonly reason: string;
  /** Entries are missing because of this, or may be. False: something was wrong, but nothing is lost. */
  readonly lost: boolean;
  /**
   * User keys between which (both included) entries may be missing; absent when that cannot be told. An
   * older version of such a key may have come to light.
   */
  readonly smallestKey?: Uint8Array;
  readonly largestKey?: Uint8Array;
}

export interface SalvageReport {
  /** Files of the source that were read. */
  readonly files: number;
  /** Versions of keys written, delete markers included. */
  readonly entries: number;
  readonly keys: number;
  readonly newestVersion: Version;
  /** Size of the new directory's tables and value logs. */
  readonly bytesWritten: number;
  /** In the order of the files; empty when the source was sound. */
  readonly findings: readonly SalvageFinding[];
  /** Whether any finding says that entries are, or may be, missing. */
  readonly lost: boolean;
}

export interface SalvageProgress {
  readonly bytes: number;
  readonly totalBytes: number;
  readonly file: string;
}

/** Findings beyond this are counted, not kept: a shattered directory must not fill memory. */
const FINDINGS_MAX = 100_000;

/** Collects findings. */
export class Findings {
  readonly #items: SalvageFinding[] = [];
  #dropped = 0;
  #lost = false;

  get lost(): boolean {
    return this.#lost;
  }

  add(finding: SalvageFinding): void {
    this.#lost ||= finding.lost;
    if (this.#items.length < FINDINGS_MAX) this.#items.push(finding);
    else this.#dropped++;
  }

  list(): SalvageFinding[] {
    if (this.#dropped === 0) return this.#items;
    const reason = `${this.#dropped} more findings are not listed`;
    return [...this.#items, { file: "", offset: 0, reason, lost: false }];
  }
}
