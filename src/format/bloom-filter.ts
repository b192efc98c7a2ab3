/**
 * Bloom filter of a table: a bit array, then one byte with the number of probes.
 *
 *     | bits, n bytes | probes u8 |
 *
 * Self-describing: a reader takes the number of bits from the length and the probes from the last
 * byte, so writers may size it freely. Frozen: probe positions (start at the hash, step by the hash
 * rotated right by 17, modulo the number of bits).
 */

/** Probes beyond this mean "may contain" for every key. Frozen. */
const PROBES_MAX = 30;
/** Badger's constant, digits included, so that sizes agree. */
const LN2 = 0.69314718056;

/**
 * How a filter is sized for a false-positive rate. `optimal` reaches the rate (10 bits and 7 probes
 * for 1 %). `badger` repeats Badger's arithmetic for byte-identical files (7 bits and 4 probes for
 * 1 %, which gives 3.6 % in fact).
 */
export type BloomStyle = "optimal" | "badger";

/** Bits per key for a false-positive rate in (0, 1). */
export function bloomBitsPerKey(falsePositive: number, style: BloomStyle): number {
  // Badger takes the number of probes for the number of bits: -log2(p) instead of -ln(p) / ln(2)^2.
  if (style === "badger") return Math.ceil(-Math.log(falsePositive) / LN2);
  return Math.ceil(-Math.log(falsePositive) / (LN2 * LN2));
}

/** Probes per key for a number of bits per key. */
export function bloomProbes(bitsPerKey: number, style: BloomStyle): number {
  const probes = style === "badger" ? Math.trunc(bitsPerKey * 0.69) : Math.round(bitsPerKey * LN2);
  return Math.min(PROBES_MAX, Math.max(1, probes));
}

/** Bits of the largest filter written or consulted: twice as many still fit a signed integer. */
const BIT_COUNT_MAX = 0x3fff_fff8;

/** A filter over the first `count` hashes. About 15 ns a key at 7 probes. */
export function buildBloomFilter(
  hashes: Uint32Array,
  count: number,
  bitsPerKey: number,
  probes: number,
): Uint8Array {
  const sizeBytes = Math.ceil(Math.min(BIT_COUNT_MAX, Math.max(64, count * bitsPerKey)) / 8);
  const bitCount = sizeBytes * 8;
  const inverse = 1 / bitCount;
  const filter = new Uint8Array(sizeBytes + 1);
  for (let i = 0; i < count; i++) {
    let hash = (hashes[i] as number) | 0;
    const step = (hash >>> 17) | (hash << 15);
    for (let probe = 0; probe < probes; probe++) {
      const position = remainder(hash, bitCount, inverse);
      const index = position >>> 3;
      filter[index] = (filter[index] as number) | (1 << (position & 7));
      hash = (hash + step) | 0;
    }
  }
  filter[sizeBytes] = probes;
  return filter;
}

/**
 * False only when no key with this hash was added. The filter is `filter[start, start + length)`;
 * an absent filter has length 0 and, unlike any real one, excludes nothing. About 20 ns at 7 probes.
 */
export function bloomMayContain(
  filter: Uint8Array,
  start: number,
  length: number,
  hash: number,
): boolean {
  if (length === 0) return true;
  if (length < 2) return false;
  const bitCount = (length - 1) * 8;
  const probes = filter[start + length - 1] as number;
  if (probes > PROBES_MAX || bitCount > BIT_COUNT_MAX) return true;
  const inverse = 1 / bitCount;
  const step = (hash >>> 17) | (hash << 15);
  let current = hash | 0;
  for (let probe = 0; probe < probes; probe++) {
    const position = remainder(current, bitCount, inverse);
    if (((filter[start + (position >>> 3)] as number) & (1 << (position & 7))) === 0) return false;
    current = (current + step) | 0;
  }
  return true;
}

/**
 * `hash % bitCount`, where `hash` is the signed view of an unsigned 32-bit number. The quotient comes
 * from a multiplication and may be off by one, which the last lines repair; it stays below 2^29,
 * because a filter has 8 bits or more. Half the time of the `%` operator.
 */
function remainder(hash: number, bitCount: number, inverse: number): number {
  const rest = (hash - Math.imul(((hash >>> 0) * inverse) | 0, bitCount)) | 0;
  if (rest < 0) return rest + bitCount;
  return rest >= bitCount ? rest - bitCount : rest;
}
