/**
 * Identifiers and the decision about versions.
 *
 * A version is a plain `number` in 0 … 2^53 − 1. Badger's are u64; a directory that goes beyond is
 * refused (`ERR_UNSUPPORTED_FORMAT`), because BigInt in comparisons would cost every read. On disk the
 * two 32-bit halves are written separately (format/internal-key.ts).
 */

declare const brand: unique symbol;

/** Number of a table, log or value-log file: three independent sequences, each starting at 1. */
export type FileNumber = number & { readonly [brand]?: "FileNumber" };

/** Commit version (Badger: timestamp). Newer is larger. */
export type Version = number;

export const VERSION_MAX = Number.MAX_SAFE_INTEGER;

/** Longest user key, in bytes (Badger's limit; the log reader stops at records with longer ones). */
export const KEY_SIZE_MAX = 65_000;

/** User keys that start with these bytes belong to the engine. */
export const RESERVED_KEY_PREFIX: Uint8Array = new TextEncoder().encode("!badger!");
