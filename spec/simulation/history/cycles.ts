/**
 * Cycles of dependencies, named after Adya:
 *
 *     G0         ww only                      writes interleave
 *     G1c        ww and wr, at least one wr   information flows in a circle
 *     G-single   exactly one rw               a read skew, a lost update
 *     G2-item    two or more rw, all by item  a write skew
 *     G2         some rw by predicate         a phantom
 *
 * A cycle with one rw by predicate is G-single as well as G2; it is named after the phantom.
 */

import type { Edge, EdgeKind } from "./dependencies.ts";

export type CycleKind = "G0" | "G1c" | "G-single" | "G2-item" | "G2";

export interface Cycle {
  readonly kind: CycleKind;
  readonly edges: readonly Edge[];
}

/** The shortest cycle of each kind there is, most damning first. */
export function findCycles(edges: readonly Edge[]): Cycle[] {
  const cycles: Cycle[] = [];
  const take = (kind: CycleKind, found: readonly Edge[] | undefined): void => {
    if (found !== undefined) cycles.push({ kind, edges: found });
  };
  const [ww, wr] = [of(edges, "ww"), of(edges, "wr")];
  const items = of(edges, "rw");
  const predicates = of(edges, "predicate rw");
  take("G0", cycleThrough(ww, ww));
  take("G1c", cycleThrough(wr, [...ww, ...wr]));
  take("G-single", cycleThrough(items, [...ww, ...wr]));
  take("G2-item", cycleThroughTwo(items, [...ww, ...wr, ...items]));
  take("G2", cycleThrough(predicates, edges));
  return cycles;
}

function of(edges: readonly Edge[], kind: EdgeKind): Edge[] {
  return edges.filter((edge) => edge.kind === kind);
}

/** A shortest cycle that begins with one of `first` and goes on along `rest`. */
function cycleThrough(first: readonly Edge[], rest: readonly Edge[]): Edge[] | undefined {
  const graph = new Graph(rest);
  let best: Edge[] | undefined;
  for (const edge of first) {
    const back = graph.path(edge.to, edge.from);
    if (back !== undefined && (best === undefined || back.length + 1 < best.length))
      best = [edge, ...back];
  }
  return best;
}

/** The same with at least two of `first` on the way. */
function cycleThroughTwo(first: readonly Edge[], all: readonly Edge[]): Edge[] | undefined {
  const graph = new Graph(all);
  let best: Edge[] | undefined;
  for (const edge of first) {
    for (const other of first) {
      if (other === edge) continue;
      const there = graph.path(edge.to, other.from);
      const back = there === undefined ? undefined : graph.path(other.to, edge.from);
      if (there === undefined || back === undefined) continue;
      const cycle = [edge, ...there, other, ...back];
      if (isSimple(cycle) && (best === undefined || cycle.length < best.length)) best = cycle;
    }
  }
  return best;
}

function isSimple(cycle: readonly Edge[]): boolean {
  return new Set(cycle.map(({ from }) => from)).size === cycle.length;
}

class Graph {
  readonly #next = new Map<number, Edge[]>();

  constructor(edges: readonly Edge[]) {
    for (const edge of edges) {
      const list = this.#next.get(edge.from) ?? [];
      list.push(edge);
      this.#next.set(edge.from, list);
    }
  }

  /** The edges of a shortest path; empty when both ends are the same. */
  path(from: number, to: number): Edge[] | undefined {
    if (from === to) return [];
    const arrivedBy = new Map<number, Edge>();
    const queue = [from];
    for (let head = 0; head < queue.length; head++) {
      for (const edge of this.#next.get(queue[head] as number) ?? []) {
        if (arrivedBy.has(edge.to) || edge.to === from) continue;
        arrivedBy.set(edge.to, edge);
        if (edge.to === to) return unwind(arrivedBy, from, to);
        queue.push(edge.to);
      }
    }
    return undefined;
  }
}

function unwind(arrivedBy: ReadonlyMap<number, Edge>, from: number, to: number): Edge[] {
  const path: Edge[] = [];
  for (let at = to; at !== from;) {
    const edge = arrivedBy.get(at) as Edge;
    path.unshift(edge);
    at = edge.from;
  }
  return path;
}
