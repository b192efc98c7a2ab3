/** The states an object went through, and what is wrong with a value that somebody read. */

import type { History, HistoryTransaction, Value } from "./history.ts";

export interface DirectAnomaly {
  readonly kind:
    | "G1a"
    | "G1b"
    | "lost write"
    | "unknown value"
    | "incompatible order"
    | "own write not seen"
    | "two snapshots";
  readonly story: string;
}

export interface ObjectVersion {
  /** 0: nobody, it is the state before all transactions. */
  readonly writer: number;
  /** `undefined`: not there. */
  readonly value: Value | undefined;
}

export const INITIAL: ObjectVersion = { writer: 0, value: undefined };

export interface VersionOrder {
  readonly keys: Iterable<string>;
  /** Oldest first, `INITIAL` at the front. */
  versionsOf(key: string): readonly ObjectVersion[];
  /** Why no committed state can have shown this value to a transaction; `undefined` when one can. */
  judge(reader: number, key: string, value: Value): DirectAnomaly | undefined;
  /** What the order itself shows. */
  readonly anomalies: readonly DirectAnomaly[];
}

/** Registers: ordered by the versions that the engine gave the commits. */
export class RegisterOrder implements VersionOrder {
  readonly #versions = new Map<string, ObjectVersion[]>();
  readonly #writers = new Map<string, { transaction: HistoryTransaction; isFinal: boolean }>();
  readonly anomalies: readonly DirectAnomaly[] = [];

  constructor({ transactions }: History) {
    for (const transaction of transactions) this.#noteWriter(transaction);
    const inOrder = transactions
      .filter(({ outcome, version }) => outcome === "committed" && version !== undefined)
      .sort((a, b) => (a.version as number) - (b.version as number));
    for (const { id, operations } of inOrder) {
      for (const [key, value] of finalWrites(operations)) {
        const versions = this.#versions.get(key) ?? [INITIAL];
        versions.push({ writer: id, value });
        this.#versions.set(key, versions);
      }
    }
  }

  get keys(): Iterable<string> {
    return this.#versions.keys();
  }

  versionsOf(key: string): readonly ObjectVersion[] {
    return this.#versions.get(key) ?? [INITIAL];
  }

  judge(reader: number, key: string, value: Value): DirectAnomaly | undefined {
    const written = this.#writers.get(`${key}=${value}`);
    const what = `${reader} read ${key} = ${value}`;
    if (written === undefined)
      return { kind: "unknown value", story: `${what}, which nobody wrote` };
    const { transaction, isFinal } = written;
    if (transaction.outcome === "aborted") {
      return { kind: "G1a", story: `${what} of ${transaction.id}, which was aborted` };
    }
    if (isFinal) return undefined;
    return { kind: "G1b", story: `${what}, which ${transaction.id} went on to overwrite` };
  }

  #noteWriter(transaction: HistoryTransaction): void {
    const final = finalWrites(transaction.operations);
    for (const operation of transaction.operations) {
      if (operation.kind !== "write") continue;
      const { key, value } = operation;
      this.#writers.set(`${key}=${value}`, { transaction, isFinal: final.get(key) === value });
    }
  }
}

function finalWrites(operations: HistoryTransaction["operations"]): Map<string, Value | undefined> {
  const writes = new Map<string, Value | undefined>();
  for (const operation of operations) {
    if (operation.kind === "write") writes.set(operation.key, operation.value);
    else if (operation.kind === "delete") writes.set(operation.key, undefined);
  }
  return writes;
}
