/** What happens in a history, as data: so that a failing one can be shortened and printed. */

import type { SeededRandom } from "../../src/env/seeded-random.ts";

export type SpaceStep =
  | {
      readonly do: "put";
      readonly key: number;
      readonly size: number;
      /** Seconds from now, 0 = for ever. */
      readonly ttl: number;
      /** Let older versions go, whatever `versionsToKeep` says. */
      readonly discards: boolean;
    }
  | { readonly do: "delete"; readonly key: number }
  /** Several keys in one transaction; the first is deleted. */
  | { readonly do: "commit"; readonly key: number; readonly count: number; readonly size: number }
  | { readonly do: "snapshot" }
  | { readonly do: "end snapshot"; readonly index: number }
  | { readonly do: "flush" }
  /** One waiting background job runs. */
  | { readonly do: "work"; readonly index: number }
  | { readonly do: "compact" }
  | { readonly do: "collect"; readonly share: number }
  | { readonly do: "drop"; readonly key: number }
  /** The process dies so many background jobs after the call, acknowledged or not. */
  | {
      readonly do: "drop and kill";
      readonly key: number;
      readonly jobs: number;
      readonly shape: number;
    }
  | { readonly do: "pass time"; readonly ms: number }
  /** The process dies; the next one has another idea of how levels should look. */
  | { readonly do: "kill"; readonly shape: number }
  | { readonly do: "reopen"; readonly shape: number }
  /** Badger opens the directory, moves a value as its collection does, and dies: an old version lies on top. */
  | { readonly do: "badger copy"; readonly index: number; readonly shape: number };

export const KEY_COUNT = 10;
const VALUE_SIZES = [0, 8, 30, 90, 90, 250];

type Maker = (random: SeededRandom) => SpaceStep;

const MAKERS: readonly (readonly [number, Maker])[] = [
  [
    22,
    (random) => ({
      do: "put",
      key: keyOf(random),
      size: sizeOf(random),
      ttl: ttlOf(random),
      discards: random.below(12) === 0,
    }),
  ],
  [16, (random) => ({ do: "delete", key: keyOf(random) })],
  [
    6,
    (random) => ({
      do: "commit",
      key: keyOf(random),
      count: 2 + random.below(5),
      size: sizeOf(random),
    }),
  ],
  [4, () => ({ do: "snapshot" })],
  [4, (random) => ({ do: "end snapshot", index: random.below(4) })],
  [16, () => ({ do: "flush" })],
  [22, (random) => ({ do: "work", index: random.below(4) })],
  [2, () => ({ do: "compact" })],
  [4, (random) => ({ do: "collect", share: [0.01, 0.2, 0.5][random.below(3)] as number })],
  [3, (random) => ({ do: "drop", key: keyOf(random) })],
  [
    1,
    (random) => ({
      do: "drop and kill",
      key: keyOf(random),
      jobs: random.below(4),
      shape: random.below(1000),
    }),
  ],
  [4, (random) => ({ do: "pass time", ms: [900, 1100, 8000, 40_000][random.below(4)] as number })],
  [3, (random) => ({ do: "kill", shape: random.below(1000) })],
  [2, (random) => ({ do: "reopen", shape: random.below(1000) })],
  [2, (random) => ({ do: "badger copy", index: random.below(1000), shape: random.below(1000) })],
];
const TOTAL = MAKERS.reduce((sum, [weight]) => sum + weight, 0);

export function randomSteps(random: SeededRandom, count: number): SpaceStep[] {
  return Array.from({ length: count }, () => {
    let draw = random.below(TOTAL);
    const chosen = MAKERS.find(([weight]) => (draw -= weight) < 0) as (typeof MAKERS)[number];
    return chosen[1](random);
  });
}

/** Few keys, so that they meet; some are drawn more often. */
function keyOf(random: SeededRandom): number {
  return random.below(random.below(2) === 0 ? 3 : KEY_COUNT);
}

function sizeOf(random: SeededRandom): number {
  return VALUE_SIZES[random.below(VALUE_SIZES.length)] as number;
}

function ttlOf(random: SeededRandom): number {
  return random.below(5) === 0 ? 1 + random.below(20) : 0;
}

/** One line, as it would be typed again. */
export function stepText(step: SpaceStep): string {
  return JSON.stringify(step);
}
