/**
 * Lists: the longest one that was read shows the order of all appends, whatever the engine says of
 * versions. So lists also show writes that interleave.
 */

import { elementsOf, type History, type HistoryTransaction, type Value } from "./history.ts";
import {
  type DirectAnomaly,
  INITIAL,
  type ObjectVersion,
  type VersionOrder,
} from "./version-order.ts";

interface Append {
  readonly transaction: HistoryTransaction;
  /** The transaction appended more to the same list afterwards. */
  readonly isIntermediate: boolean;
}

export class ListOrder implements VersionOrder {
  readonly #appends = new Map<string, Append>();
  readonly #longest = new Map<string, readonly string[]>();
  readonly #versions = new Map<string, ObjectVersion[]>();
  readonly anomalies: DirectAnomaly[] = [];

  constructor({ transactions }: History) {
    for (const transaction of transactions) this.#noteAppends(transaction);
    for (const transaction of transactions) {
      if (transaction.outcome === "committed") this.#noteReads(transaction);
    }
    for (const [key, elements] of this.#longest)
      this.#versions.set(key, this.#prefixes(key, elements));
    this.#findLost();
  }

  get keys(): Iterable<string> {
    return this.#versions.keys();
  }

  versionsOf(key: string): readonly ObjectVersion[] {
    return this.#versions.get(key) ?? [INITIAL];
  }

  judge(reader: number, key: string, value: Value): DirectAnomaly | undefined {
    const elements = elementsOf(value);
    const what = `${reader} read ${key} = ${value}`;
    for (const [index, element] of elements.entries()) {
      const append = this.#appends.get(element);
      if (append === undefined)
        return { kind: "unknown value", story: `${what}: nobody appended ${element}` };
      const { transaction, isIntermediate } = append;
      if (transaction.outcome === "aborted") {
        return {
          kind: "G1a",
          story: `${what}: ${transaction.id} appended ${element} and was aborted`,
        };
      }
      if (isIntermediate && index === elements.length - 1 && transaction.id !== reader) {
        return { kind: "G1b", story: `${what}: ${transaction.id} went on to append` };
      }
    }
    const longest = this.#longest.get(key) ?? [];
    if (elements.some((element, index) => longest[index] !== element)) {
      return { kind: "incompatible order", story: `${what}, and somebody ${longest.join(",")}` };
    }
    return undefined;
  }

  #noteAppends(transaction: HistoryTransaction): void {
    const last = new Map<string, string>();
    for (const operation of transaction.operations) {
      if (operation.kind !== "append") continue;
      const { key, element } = operation;
      const before = last.get(key);
      if (before !== undefined) this.#appends.set(before, { transaction, isIntermediate: true });
      this.#appends.set(element, { transaction, isIntermediate: false });
      last.set(key, element);
    }
  }

  #noteReads({ operations }: HistoryTransaction): void {
    const own = new Set<string>();
    for (const operation of operations) {
      if (operation.kind === "append") own.add(operation.key);
      else if (operation.kind === "read" && !own.has(operation.key)) {
        this.#noteRead(operation.key, operation.value);
      } else if (operation.kind === "scan") {
        for (const [key, value] of operation.found) if (!own.has(key)) this.#noteRead(key, value);
      }
    }
  }

  #noteRead(key: string, value: Value | undefined): void {
    const elements = elementsOf(value);
    if (elements.length > (this.#longest.get(key)?.length ?? 0)) this.#longest.set(key, elements);
  }

  #prefixes(key: string, elements: readonly string[]): ObjectVersion[] {
    const versions = [INITIAL];
    for (const [index, element] of elements.entries()) {
      const writer = this.#appends.get(element)?.transaction.id ?? 0;
      versions.push({ writer, value: elements.slice(0, index + 1).join(",") });
      if (elements.indexOf(element) !== index) {
        this.anomalies.push({ kind: "unknown value", story: `${key} holds ${element} twice` });
      }
    }
    return versions;
  }

  /** The last transaction of a history reads everything: an append that is not there was overwritten. */
  #findLost(): void {
    const present = new Set([...this.#longest.values()].flat());
    for (const [element, { transaction }] of this.#appends) {
      if (transaction.outcome !== "committed" || present.has(element)) continue;
      this.anomalies.push({
        kind: "lost write",
        story: `${transaction.id} appended ${element}, and nobody has seen it`,
      });
    }
  }
}
