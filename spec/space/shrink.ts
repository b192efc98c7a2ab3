/** Shortening a failing list: takes away as much as possible while `fails` still says yes. */

/** @param budget most tries; the shortest found by then is returned */
export async function shrink<T>(
  steps: readonly T[],
  fails: (steps: readonly T[]) => Promise<boolean>,
  budget = 400,
): Promise<readonly T[]> {
  let shortest = steps;
  let left = budget;
  for (let chunk = Math.ceil(steps.length / 2); chunk >= 1; chunk = Math.floor(chunk / 2)) {
    for (let from = 0; from < shortest.length && left > 0; left--) {
      const shorter = [...shortest.slice(0, from), ...shortest.slice(from + chunk)];
      if (await fails(shorter)) shortest = shorter;
      else from += chunk;
    }
  }
  return shortest;
}
