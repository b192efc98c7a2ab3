/** What is used of `snappyjs`, which ships no types. */
declare module "snappyjs" {
  /** Compresses into Snappy's block format. Returns an array of the same class as its input. */
  export function compress(bytes: Uint8Array): Uint8Array;
  /** Not for data that may be damaged (see snappy.ts); specs compare with it. */
  export function uncompress(bytes: Uint8Array): Uint8Array;
}
