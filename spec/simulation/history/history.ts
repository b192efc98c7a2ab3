/**
 * Histories: what concurrent transactions did and saw, and what became of them. Every written value is
 * unique, so a value that is read tells whose write it was.
 *
 * Two kinds of objects. A list holds the elements appended to it, so one read shows the order of all
 * versions before. A register holds one value or none; the order of its versions is that of the commit
 * versions, which the engine tells.
 *
 * A history ends with a transaction that reads everything, after all others.
 */

export type Value = string;

export type Operation =
  | { readonly kind: "read"; readonly key: string; readonly value: Value | undefined }
  | { readonly kind: "write"; readonly key: string; readonly value: Value }
  | { readonly kind: "append"; readonly key: string; readonly element: string }
  | { readonly kind: "delete"; readonly key: string }
  /** What a predicate on keys found: all live keys in [from, to). */
  | {
      readonly kind: "scan";
      readonly from: string;
      readonly to: string;
      readonly found: ReadonlyMap<string, Value>;
    };

export interface HistoryTransaction {
  readonly id: number;
  readonly operations: readonly Operation[];
  readonly outcome: "committed" | "aborted";
  /** Of a committed transaction that has written. */
  readonly version: number | undefined;
}

export interface History {
  readonly transactions: readonly HistoryTransaction[];
  readonly kind: "list" | "register";
}

/** Elements of a list value. */
export function elementsOf(value: Value | undefined): readonly string[] {
  return value === undefined || value === "" ? [] : value.split(",");
}
