/** What a write may name: the relation `kv`, and those of its columns that can be written. */

import type { Relation, Span } from "../../../grammar/ast.ts";
import { at } from "../../base/assert.ts";
import { RELATIONS } from "../plan/relations.ts";
import { didYouMean, Problem } from "../problem.ts";

/** The columns of `kv` that can be written. */
const WRITABLE_COLUMNS = ["key", "value", "ttl", "expires_at", "user_meta"] as const;
export type WritableColumn = (typeof WRITABLE_COLUMNS)[number];

export type WriteColumn = { readonly name: WritableColumn; readonly span: Span };

function isWritable(name: string): name is WritableColumn {
  return (WRITABLE_COLUMNS as readonly string[]).includes(name);
}

export function writableName(name: string, span: Span): WritableColumn {
  if (isWritable(name)) return name;
  const known = RELATIONS.get("kv")?.columns.some((column) => column.name === name) === true;
  throw known
    ? new Problem(`the column ${name} cannot be written`, span)
    : new Problem(`there is no column ${name}`, span, didYouMean(name, WRITABLE_COLUMNS));
}

export function refuseTwoExpiries(columns: readonly WriteColumn[]): void {
  const expiries = columns.filter(({ name }) => name === "ttl" || name === "expires_at");
  if (expiries.length > 1) {
    throw new Problem("give ttl or expires_at, not both", at(expiries, 1).span);
  }
}

/** Writes go to `kv` as it is now. */
export function refuseClauses(
  relation: Relation,
  refused: readonly ("prefix" | "atVersion")[],
  verb: string,
): void {
  if (relation.name !== "kv") {
    const known = RELATIONS.has(relation.name);
    throw known
      ? new Problem(`${relation.name} is read-only`, relation.nameSpan, `${verb} kv`)
      : new Problem(
          `there is no relation ${relation.name}`,
          relation.nameSpan,
          didYouMean(relation.name, ["kv"]),
        );
  }
  if (relation.atVersion !== undefined && refused.includes("atVersion")) {
    throw new Problem("the past cannot be changed", relation.atVersion.span);
  }
  if (relation.prefix !== undefined && refused.includes("prefix")) {
    throw new Problem(`${verb} takes no PREFIX`, relation.prefix.span);
  }
}
