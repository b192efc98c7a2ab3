/** Whether Meles has become slower: a decision about ratios. Pure. */

import { median, quantile, relativeSpread } from "./statistics.ts";

/** A ratio may fall to this part of its baseline. */
export const FLOOR = 0.75;

/** What a round has to say about one ratio. */
export interface Turns {
  readonly name: string;
  /** How many times the yardstick's work ours does in a turn. */
  readonly work: number;
  readonly oursNs: readonly number[];
  readonly theirsNs: readonly number[];
}

/** How many times faster ours is. Of the medians: a turn that the machine has held up counts for little. */
export function ratioOf({ work, oursNs, theirsNs }: Turns): number {
  return (work * median(theirsNs)) / median(oursNs);
}

/** By name; more is better. */
export type Ratios = Readonly<Record<string, number>>;

export interface Baseline {
  readonly recorded: string;
  readonly machine: string;
  readonly rounds: number;
  /** Lower quartile of all rounds: ordinary noise lies above it most of the time. */
  readonly ratios: Ratios;
  /** Distance of the quartiles over the median: how noisy a ratio is. */
  readonly spread: Ratios;
}

export interface Verdict {
  readonly name: string;
  readonly baseline: number;
  readonly measured: number;
  /** Measured over baseline. */
  readonly part: number;
  readonly ok: boolean;
}

/**
 * One verdict per ratio of the baseline, on the median of the rounds. A ratio that was not measured
 * fails; one that is new has nothing to be compared with and is left out.
 */
export function decide(baseline: Ratios, rounds: readonly Ratios[]): Verdict[] {
  return Object.entries(baseline).map(([name, recorded]) => {
    const measured = median(samples(rounds, name));
    const part = measured / recorded;
    return { name, baseline: recorded, measured, part, ok: part >= FLOOR };
  });
}

/** Nothing judged is nothing shown. */
export function isGreen(verdicts: readonly Verdict[]): boolean {
  return verdicts.length > 0 && verdicts.every(({ ok }) => ok);
}

export function baselineOf(rounds: readonly Ratios[], recorded: string, machine: string): Baseline {
  const names = Object.keys(rounds[0] ?? {});
  const figures = (figure: (samples: readonly number[]) => number): Ratios =>
    Object.fromEntries(names.map((name) => [name, threeDigits(figure(samples(rounds, name)))]));
  return {
    recorded,
    machine,
    rounds: rounds.length,
    ratios: figures((all) => quantile(all, 0.25)),
    spread: figures(relativeSpread),
  };
}

function samples(rounds: readonly Ratios[], name: string): number[] {
  return rounds.map((round) => round[name]).filter((ratio) => ratio !== undefined);
}

function threeDigits(figure: number): number {
  return Number(figure.toPrecision(3));
}
