/** A plan: what a statement will do, decided in full before the first row is read. Plain data. */

import type { Expression, SelectStatement } from "../../../grammar/ast.ts";
import type { Version } from "../../base/ids.ts";
import type { Compiled } from "../expression/compiled.ts";
import type { KeySet } from "./key-range.ts";
import type { RelationDefinition } from "./relations.ts";
import type { AggregatePlan } from "./scopes.ts";

/** How rows are found. */
export type Access =
  /** No FROM: one row without columns. */
  | { readonly kind: "none" }
  | EntryAccess
  /** `count(*)` over keys alone: one row, the count. */
  | { readonly kind: "count"; readonly keys: KeySet; readonly at: Version | undefined }
  | { readonly kind: "system"; readonly relation: RelationDefinition };

/** Points and ranges of keys, read in key order. */
export interface EntryAccess {
  readonly kind: "entries";
  /** One row per live entry, or one per stored version. */
  readonly versions: boolean;
  readonly keys: KeySet;
  readonly reverse: boolean;
  readonly needsValue: boolean;
  /** Also user metadata, expiry or size. */
  readonly needsEntry: boolean;
  /** The scan may stop after so many rows. */
  readonly limit: number | undefined;
  /** `AT VERSION`. */
  readonly at: Version | undefined;
}

/** A condition and the syntax it came from, for EXPLAIN. */
export interface Filter {
  readonly condition: Compiled;
  readonly expressions: readonly Expression[];
}

export interface Grouping {
  readonly keys: readonly Compiled[];
  readonly keyExpressions: readonly Expression[];
  readonly aggregates: readonly AggregatePlan[];
  readonly having: Filter | undefined;
}

export interface SortTerm {
  readonly compiled: Compiled;
  readonly descending: boolean;
}

export interface OutputColumn {
  readonly name: string;
  readonly compiled: Compiled;
}

export interface SelectPlan {
  readonly statement: SelectStatement;
  readonly access: Access;
  readonly filter: Filter | undefined;
  readonly grouping: Grouping | undefined;
  readonly columns: readonly OutputColumn[];
  readonly distinct: boolean;
  /** Empty when rows come in the right order already. */
  readonly sort: readonly SortTerm[];
  readonly limit: number;
  readonly offset: number;
}
