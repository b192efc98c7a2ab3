/** From counters to lines and branches: what was reached of each file, and what was not. Pure. */

interface Position {
  readonly line: number;
}

interface Place {
  readonly start: Position;
}

/** What istanbul counts in one file. */
export interface FileCounters {
  readonly statementMap: Readonly<Record<string, Place>>;
  readonly s: Readonly<Record<string, number>>;
  readonly branchMap: Readonly<
    Record<string, { readonly loc: Place; readonly locations: readonly Partial<Place>[] }>
  >;
  readonly b: Readonly<Record<string, readonly number[]>>;
}

export interface FileCoverage {
  readonly file: string;
  readonly lines: number;
  readonly linesReached: number;
  readonly branches: number;
  readonly branchesReached: number;
  /** Lines not reached, and lines with a branch that was not taken. */
  readonly missing: readonly number[];
}

export function coverageOf(file: string, counters: FileCounters): FileCoverage {
  const lines = new Map<number, boolean>();
  const missing = new Set<number>();
  for (const [id, { start }] of Object.entries(counters.statementMap)) {
    const isReached = (counters.s[id] ?? 0) > 0;
    lines.set(start.line, (lines.get(start.line) ?? false) || isReached);
  }
  for (const [line, isReached] of lines) if (!isReached) missing.add(line);
  let branches = 0;
  let branchesReached = 0;
  for (const [id, counts] of Object.entries(counters.b)) {
    const { loc, locations } = counters.branchMap[id] as FileCounters["branchMap"][string];
    counts.forEach((count, index) => {
      branches++;
      if (count > 0) branchesReached++;
      // An `else` that is not written has no place of its own.
      else missing.add(locations[index]?.start?.line ?? loc.start.line);
    });
  }
  return {
    file,
    lines: lines.size,
    linesReached: [...lines.values()].filter(Boolean).length,
    branches,
    branchesReached,
    missing: [...missing].sort((a, b) => a - b),
  };
}

/** `12-14, 20` for 12, 13, 14 and 20. */
export function rangesOf(lines: readonly number[]): string {
  const ranges: string[] = [];
  for (let first = 0; first < lines.length;) {
    let last = first;
    while ((lines[last + 1] as number) === (lines[last] as number) + 1) last++;
    ranges.push(first === last ? `${lines[first]}` : `${lines[first]}-${lines[last]}`);
    first = last + 1;
  }
  return ranges.join(", ");
}

export function share(reached: number, all: number): string {
  return all === 0 ? "100 %" : `${((100 * reached) / all).toFixed(1)} %`;
}

/** The table of spec/coverage.md: what is not reached of a file, and why. */
export function listedReasons(text: string): Map<string, string> {
  const rows = text.matchAll(/^\| `([^`]+)`\s*\|([^|]*)\|([^|]*)\|/gm);
  return new Map(
    [...rows].map(([, file = "", what = "", why = ""]) => [file, `${what.trim()}: ${why.trim()}`]),
  );
}
