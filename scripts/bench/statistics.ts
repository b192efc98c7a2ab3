/** Numbers about numbers. Pure. */

/** Linear interpolation between the two nearest ranks; `fraction` 0 is the least, 1 the greatest. */
export function quantile(samples: readonly number[], fraction: number): number {
  if (samples.length === 0) return Number.NaN;
  const sorted = samples.toSorted((a, b) => a - b);
  const rank = fraction * (sorted.length - 1);
  const low = sorted[Math.floor(rank)] as number;
  const high = sorted[Math.ceil(rank)] as number;
  return low + (high - low) * (rank - Math.floor(rank));
}

export function median(samples: readonly number[]): number {
  return quantile(samples, 0.5);
}

/** Distance between the quartiles over the median: how much a figure moves between repetitions. */
export function relativeSpread(samples: readonly number[]): number {
  return (quantile(samples, 0.75) - quantile(samples, 0.25)) / median(samples);
}

export interface Waits {
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

/** Of how long each of many calls took. The nearest rank above, so that nothing is smoothed away. */
export function waits(samplesMs: Float64Array): Waits {
  if (samplesMs.length === 0) return { p99Ms: 0, p999Ms: 0, maxMs: 0 };
  const sorted = samplesMs.toSorted();
  const rank = (fraction: number) =>
    sorted[Math.min(sorted.length - 1, Math.ceil(fraction * sorted.length) - 1)] as number;
  return { p99Ms: rank(0.99), p999Ms: rank(0.999), maxMs: sorted.at(-1) as number };
}
