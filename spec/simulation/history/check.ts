/** The verdict on a history: every kind of anomaly that it shows, each with its story. */

import { type Cycle, findCycles } from "./cycles.ts";
import { findDependencies } from "./dependencies.ts";
import type { History } from "./history.ts";

export interface Anomaly {
  readonly kind: string;
  readonly story: string;
}

export function check(history: History): Anomaly[] {
  const { edges, anomalies } = findDependencies(history);
  return [
    ...anomalies,
    ...findCycles(edges).map((cycle) => ({ kind: cycle.kind, story: tell(cycle) })),
  ];
}

function tell({ edges }: Cycle): string {
  return edges.map(({ from, to, kind, key }) => `${from} –${kind} ${key}→ ${to}`).join(", ");
}
