/**
 * CRC-32C (Castagnoli), never masked: the checksum of log records, manifest and registry records,
 * and of Badger's table blocks. Frozen: reflected polynomial 0x82f63b78, initial value and final XOR
 * all ones.
 *
 * Slice-by-8 over Int32Array tables: eight table loads for eight bytes, no dependency between them. Long
 * inputs: crc32c-vector.ts.
 */

import { foldedState } from "./crc32c-vector.ts";

const POLYNOMIAL = 0x82f63b78;

/** `table(k)[b]`: the CRC of byte `b` followed by `k` zero bytes. */
function buildTables(): Int32Array[] {
  const tables = Array.from({ length: 8 }, () => new Int32Array(256));
  const first = tables[0] as Int32Array;
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    first[byte] = crc;
  }
  for (let k = 1; k < 8; k++) {
    const previous = tables[k - 1] as Int32Array;
    const table = tables[k] as Int32Array;
    for (let byte = 0; byte < 256; byte++) {
      const crc = previous[byte] as number;
      table[byte] = (crc >>> 8) ^ (first[crc & 0xff] as number);
    }
  }
  return tables;
}

const [T0, T1, T2, T3, T4, T5, T6, T7] = buildTables() as [
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
  Int32Array,
];

/** From here on folding is faster. */
const FOLDED_BYTES_MIN = 512;
/** … once so many bytes of such inputs have come by: only then is the time made up for that the module takes to compile. */
const FOLDED_AFTER_BYTES = 1 << 20;
/** Folded are whole rows of so many bytes. */
const ROW_BYTES = 64;

/**
 * The checksum of `bytes[start, end)` as an unsigned number. `seed` is the checksum of what came
 * before, to continue over several pieces.
 */
export function crc32c(bytes: Uint8Array, start: number, end: number, seed = 0): number {
  if (end - start < FOLDED_BYTES_MIN || !isWorthFolding(end - start)) {
    return ~step(~seed, bytes, start, end) >>> 0;
  }
  const rowsEnd = end - ((end - start) % ROW_BYTES);
  const state = foldedState(bytes, start, rowsEnd, ~seed, step);
  return ~step(state, bytes, rowsEnd, end) >>> 0;
}

let longBytes = 0;

function isWorthFolding(lengthBytes: number): boolean {
  if (longBytes >= FOLDED_AFTER_BYTES) return true;
  longBytes += lengthBytes;
  return false;
}

/** Takes the state over `bytes[start, end)`: the checksum without the inversions at its ends. */
function step(state: number, bytes: Uint8Array, start: number, end: number): number {
  let crc = state;
  let i = start;
  for (const bulkEnd = end - 7; i < bulkEnd; i += 8) {
    const low =
      crc ^
      ((bytes[i] as number) |
        ((bytes[i + 1] as number) << 8) |
        ((bytes[i + 2] as number) << 16) |
        ((bytes[i + 3] as number) << 24));
    crc =
      (T7[low & 0xff] as number) ^
      (T6[(low >>> 8) & 0xff] as number) ^
      (T5[(low >>> 16) & 0xff] as number) ^
      (T4[low >>> 24] as number) ^
      (T3[bytes[i + 4] as number] as number) ^
      (T2[bytes[i + 5] as number] as number) ^
      (T1[bytes[i + 6] as number] as number) ^
      (T0[bytes[i + 7] as number] as number);
  }
  for (; i < end; i++) {
    crc = (T0[(crc ^ (bytes[i] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return crc;
}
