/**
 * Dependencies between committed transactions, after Adya: who overwrote whom (ww), who read whose write
 * (wr), and who overwrote what another had read (rw), by item or by predicate. Reads that no correct
 * engine can give, whatever the order, are anomalies by themselves.
 */

import type { History, HistoryTransaction, Value } from "./history.ts";
import { ListOrder } from "./list-order.ts";
import { type DirectAnomaly, INITIAL, RegisterOrder, type VersionOrder } from "./version-order.ts";

export type EdgeKind = "ww" | "wr" | "rw" | "predicate rw";

export interface Edge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
  readonly key: string;
}

export interface Dependencies {
  readonly edges: readonly Edge[];
  readonly anomalies: readonly DirectAnomaly[];
}

export function findDependencies(history: History): Dependencies {
  const order = history.kind === "list" ? new ListOrder(history) : new RegisterOrder(history);
  const search = new DependencySearch(order);
  for (const key of order.keys) search.linkWriters(key);
  for (const transaction of history.transactions) {
    if (transaction.outcome === "committed") search.followReads(transaction);
  }
  return {
    edges: [...search.edges.values()],
    anomalies: [...order.anomalies, ...search.anomalies],
  };
}

/** What one transaction has done to a key so far. */
const OWN = Symbol("own write");

class DependencySearch {
  readonly #order: VersionOrder;
  readonly edges = new Map<string, Edge>();
  readonly anomalies: DirectAnomaly[] = [];

  constructor(order: VersionOrder) {
    this.#order = order;
  }

  linkWriters(key: string): void {
    const versions = this.#order.versionsOf(key);
    for (let i = 1; i < versions.length; i++) {
      this.#add(versions[i - 1]?.writer ?? 0, versions[i]?.writer ?? 0, "ww", key);
    }
  }

  followReads({ id, operations }: HistoryTransaction): void {
    const seen = new Map<string, Value | undefined>();
    const own = new Map<string, Value | undefined | typeof OWN>();
    for (const operation of operations) {
      switch (operation.kind) {
        case "write":
          own.set(operation.key, operation.value);
          break;
        case "delete":
          own.set(operation.key, undefined);
          break;
        case "append": {
          const before = own.has(operation.key) ? own.get(operation.key) : seen.get(operation.key);
          const isKnown =
            typeof before === "string" || (before === undefined && seen.has(operation.key));
          const list =
            typeof before === "string" ? `${before},${operation.element}` : operation.element;
          own.set(operation.key, isKnown ? list : OWN);
          break;
        }
        case "read":
          this.#follow(id, operation.key, operation.value, own, seen, "rw");
          break;
        case "scan": {
          const { from, to, found } = operation;
          // A predicate sees a version of every key that it covers, many of them as "not there".
          for (const key of new Set([...this.#order.keys, ...found.keys(), ...own.keys()])) {
            if (key < from || key >= to) continue;
            this.#follow(id, key, found.get(key), own, seen, "predicate rw");
          }
        }
      }
    }
  }

  #follow(
    id: number,
    key: string,
    value: Value | undefined,
    own: ReadonlyMap<string, Value | undefined | typeof OWN>,
    seen: Map<string, Value | undefined>,
    kind: "rw" | "predicate rw",
  ): void {
    if (own.has(key)) {
      this.#compareOwn(id, key, value, own.get(key));
      return;
    }
    if (seen.has(key) && seen.get(key) !== value) {
      const story = `${id} read ${key} as ${show(seen.get(key))} and as ${show(value)}`;
      this.anomalies.push({ kind: "two snapshots", story });
    }
    seen.set(key, value);
    const wrong = value === undefined ? undefined : this.#order.judge(id, key, value);
    if (wrong !== undefined) {
      this.anomalies.push(wrong);
      return;
    }
    this.#link(id, key, value, kind);
  }

  #link(id: number, key: string, value: Value | undefined, kind: "rw" | "predicate rw"): void {
    const versions = this.#order.versionsOf(key);
    // Of several times that it was not there, the last one: it asks least of the others.
    const index = versions.findLastIndex((version) => version.value === value);
    const isOnly = versions.findIndex((version) => version.value === value) === index;
    if (index >= 0 && isOnly) this.#add((versions[index] ?? INITIAL).writer, id, "wr", key);
    const next = versions[index + 1];
    if (next !== undefined) this.#add(id, next.writer, kind, key);
  }

  #compareOwn(
    id: number,
    key: string,
    value: Value | undefined,
    own: Value | undefined | typeof OWN,
  ): void {
    if (own === OWN || own === value) return;
    const story = `${id} wrote ${key} = ${show(own)} and read ${show(value)}`;
    this.anomalies.push({ kind: "own write not seen", story });
  }

  #add(from: number, to: number, kind: EdgeKind, key: string): void {
    if (from === to || from === 0 || to === 0) return;
    this.edges.set(`${from} ${to} ${kind}`, { from, to, kind, key });
  }
}

function show(value: Value | undefined): string {
  return value === undefined ? "not there" : value;
}
