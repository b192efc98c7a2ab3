/** Whether a series of measurements grows: the last quarter against the second, the first is warming up. Pure. */

/** What is measured from time to time. */
export interface Sample {
  readonly rssBytes: number;
  readonly descriptors: number;
  readonly diskBytes: number;
}

export interface Judgement {
  readonly name: string;
  readonly early: number;
  readonly late: number;
  readonly limit: number;
  readonly isFlat: boolean;
}

const MIB = 1 << 20;

/** So much of a difference is chance: a share of what was there, and something on top. */
const TOLERANCE: Readonly<Record<keyof Sample, { readonly share: number; readonly more: number }>> =
  {
    rssBytes: { share: 0.25, more: 48 * MIB },
    descriptors: { share: 0, more: 8 },
    diskBytes: { share: 0.5, more: 32 * MIB },
  };

/** One judgement for each thing measured. Fewer than eight samples tell nothing, and are an error. */
export function judge(samples: readonly Sample[]): Judgement[] {
  if (samples.length < 8) throw new Error("the run was too short to judge");
  const quarter = Math.floor(samples.length / 4);
  const early = samples.slice(quarter, 2 * quarter);
  const late = samples.slice(-quarter);
  return (Object.keys(TOLERANCE) as (keyof Sample)[]).map((name) => {
    const { share, more } = TOLERANCE[name];
    const before = median(early.map((sample) => sample[name]));
    const after = median(late.map((sample) => sample[name]));
    const limit = before * (1 + share) + more;
    return { name, early: before, late: after, limit, isFlat: after <= limit };
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] as number;
}
