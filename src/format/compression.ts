/**
 * Compression of table blocks. Which one a table uses is recorded in the manifest only; every block
 * of the table is compressed as a whole, checksum included, also if it grows. Codes are frozen.
 *
 *     0  none
 *     1  Snappy, raw block format (snappy.ts)
 *     2  Zstandard, any standard frame (Bun's built-in)
 */

import { zstdDecompressSync } from "node:zlib";
import { MelesError } from "../base/errors.ts";
import { damaged } from "./damage.ts";
import { compressSnappy, decompressSnappy } from "./snappy.ts";
import { zstdSizeBound } from "./zstd-frame.ts";

export const COMPRESSION_NONE = 0;
export const COMPRESSION_SNAPPY = 1;
export const COMPRESSION_ZSTD = 2;

export type CompressionCode =
  | typeof COMPRESSION_NONE
  | typeof COMPRESSION_SNAPPY
  | typeof COMPRESSION_ZSTD;

/** Checks a code read from disk; `ERR_UNSUPPORTED_FORMAT` for one this version does not know. */
export function toCompressionCode(code: number): CompressionCode {
  if (code === COMPRESSION_NONE || code === COMPRESSION_SNAPPY || code === COMPRESSION_ZSTD) {
    return code;
  }
  throw new MelesError(
    "ERR_UNSUPPORTED_FORMAT",
    `a table is compressed with method ${code}; methods 0 (none), 1 (Snappy) and 2 (Zstandard) are supported`,
  );
}

/** The stored form of a plain block. `level` (1 to 22) matters to Zstandard only. `none` returns `bytes` itself. */
export function compressBlock(code: CompressionCode, level: number, bytes: Uint8Array): Uint8Array {
  if (code === COMPRESSION_NONE) return bytes;
  if (code === COMPRESSION_SNAPPY) return compressSnappy(bytes);
  return Bun.zstdCompressSync(bytes, { level });
}

/**
 * The plain form of a stored block. `CorruptionError` when it is damaged or larger than `sizeLimit`;
 * no more than that is allocated, whatever the input claims. `none` returns `bytes` itself.
 */
export function decompressBlock(
  code: CompressionCode,
  bytes: Uint8Array,
  sizeLimit: number,
): Uint8Array {
  if (code === COMPRESSION_SNAPPY) return decompressSnappy(bytes, sizeLimit);
  const plain = code === COMPRESSION_NONE ? bytes : decompressZstd(bytes, sizeLimit);
  if (plain.length > sizeLimit) {
    throw damaged(0, `a block of at most ${sizeLimit} bytes`, `${plain.length} bytes`);
  }
  return plain;
}

function decompressZstd(bytes: Uint8Array, sizeLimit: number): Uint8Array {
  // Bun's decompressor is faster but unlimited: it is for inputs that cannot exceed the limit.
  const bounded = zstdSizeBound(bytes, sizeLimit) <= sizeLimit;
  try {
    if (bounded) return Bun.zstdDecompressSync(bytes);
    return zstdDecompressSync(bytes, { maxOutputLength: sizeLimit });
  } catch (error) {
    throw damaged(0, "a block compressed with Zstandard", "damaged or oversized data", error);
  }
}
