/**
 * Watermark: the oldest of the versions that somebody still reads at. A multiset in version order.
 *
 * Readers are handed non-decreasing versions, so adding is an append (or a count on the newest entry)
 * and removing a binary search; the oldest is always the first entry. A time-travel read inserts in
 * the middle, which moves the numbers behind it: O(active distinct versions), and rare. Entries that
 * fell to zero in the middle stay until they are the majority, so the cost is amortized O(log n) and
 * memory stays proportional to the distinct active versions.
 */

import { assert } from "../base/assert.ts";
import type { Version } from "../base/ids.ts";

export class Watermark {
  /** Distinct versions, ascending, from `#head` on; the first and the last have a count above zero. */
  #versions: number[] = [];
  #counts: number[] = [];
  #head = 0;
  /** Entries from `#head` on whose count is zero. */
  #idle = 0;
  #size = 0;

  /** Registered readers, duplicates counted. */
  get size(): number {
    return this.#size;
  }

  /** The smallest registered version, `undefined` when there is none. O(1). */
  get oldest(): Version | undefined {
    return this.#versions[this.#head];
  }

  add(version: Version): void {
    this.#size++;
    const last = this.#versions.length - 1;
    const newest = this.#versions[last];
    if (last < this.#head || (newest as number) < version) {
      this.#versions.push(version);
      this.#counts.push(1);
      return;
    }
    if (newest === version) {
      this.#counts[last] = (this.#counts[last] as number) + 1;
      return;
    }
    const index = this.#lowerBound(version);
    if (this.#versions[index] === version) {
      const count = this.#counts[index] as number;
      if (count === 0) this.#idle--;
      this.#counts[index] = count + 1;
      return;
    }
    this.#versions.splice(index, 0, version);
    this.#counts.splice(index, 0, 1);
  }

  /** Takes back one `add(version)`. */
  remove(version: Version): void {
    const index = this.#lowerBound(version);
    const count = this.#versions[index] === version ? (this.#counts[index] as number) : 0;
    assert(count > 0, `version ${version} is not registered in the watermark`);
    this.#size--;
    this.#counts[index] = count - 1;
    if (count > 1) return;
    this.#idle++;
    if (this.#size === 0) {
      this.#versions.length = 0;
      this.#counts.length = 0;
      this.#head = 0;
      this.#idle = 0;
      return;
    }
    this.#trimEnds();
    if (this.#idle > 32 && this.#idle * 2 > this.#versions.length - this.#head) this.#rebuild();
    else if (this.#head > 32 && this.#head * 2 > this.#versions.length) this.#rebuild();
  }

  #trimEnds(): void {
    while (this.#counts[this.#head] === 0) {
      this.#head++;
      this.#idle--;
    }
    while (this.#counts.at(-1) === 0) {
      this.#versions.pop();
      this.#counts.pop();
      this.#idle--;
    }
  }

  #rebuild(): void {
    const versions: number[] = [];
    const counts: number[] = [];
    for (let i = this.#head; i < this.#versions.length; i++) {
      const count = this.#counts[i] as number;
      if (count === 0) continue;
      versions.push(this.#versions[i] as number);
      counts.push(count);
    }
    this.#versions = versions;
    this.#counts = counts;
    this.#head = 0;
    this.#idle = 0;
  }

  /** First index at or after `#head` whose version is at least `version`. */
  #lowerBound(version: Version): number {
    let low = this.#head;
    let high = this.#versions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#versions[middle] as number) < version) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
