/**
 * The abstract syntax tree: plain data, discriminated by `kind`, each node with the span of text it
 * came from. No Chevrotain type appears here. `print.ts` turns a tree back into canonical text, and
 * parse(print(tree)) is the same tree apart from spans.
 */

/** Half-open range of UTF-16 offsets into the statement text. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

interface Node {
  readonly span: Span;
}

// ---------------------------------------------------------------- statements

export type Statement =
  | SelectStatement
  | InsertStatement
  | UpdateStatement
  | DeleteStatement
  | PutStatement
  | GetStatement
  | DelStatement
  | ScanStatement
  | CountStatement
  | HistoryStatement
  | WatchStatement
  | BeginStatement
  | CommitStatement
  | RollbackStatement
  | ExplainStatement
  | ImportStatement
  | ExportStatement
  | BackupStatement
  | RestoreStatement
  | MaintenanceStatement
  | DropStatement;

export interface SelectStatement extends Node {
  readonly kind: "select";
  readonly distinct: boolean;
  readonly columns: readonly SelectColumn[];
  /** Absent for `SELECT 1 + 1`. */
  readonly from?: Relation;
  readonly where?: Expression;
  readonly groupBy: readonly Expression[];
  readonly having?: Expression;
  readonly orderBy: readonly OrderTerm[];
  readonly limit?: Expression;
  readonly offset?: Expression;
}

export type SelectColumn = StarColumn | ExpressionColumn;

export interface StarColumn extends Node {
  readonly kind: "star";
}

export interface ExpressionColumn extends Node {
  readonly kind: "column";
  readonly expression: Expression;
  /** `AS name`. Without it the column is named after its source text. */
  readonly alias?: string;
}

export interface Relation extends Node {
  readonly kind: "relation";
  /** Lower case: kv, history, meles_levels, … (any identifier; the planner rejects unknown ones). */
  readonly name: string;
  readonly nameSpan: Span;
  /** `PREFIX expr`. */
  readonly prefix?: Expression;
  /** `AT VERSION expr`. */
  readonly atVersion?: Expression;
}

export interface OrderTerm extends Node {
  readonly kind: "order";
  readonly expression: Expression;
  readonly descending: boolean;
}

export interface InsertStatement extends Node {
  readonly kind: "insert";
  readonly relation: Relation;
  /** Named columns, lower case; empty when the list is left out (then `key, value`). */
  readonly columns: readonly Identifier[];
  readonly source:
    | { readonly kind: "values"; readonly rows: readonly (readonly Expression[])[] }
    | { readonly kind: "query"; readonly query: SelectStatement };
  readonly onConflict: "error" | "nothing" | "replace";
}

export interface Identifier extends Node {
  readonly kind: "identifier";
  readonly name: string;
}

export interface UpdateStatement extends Node {
  readonly kind: "update";
  readonly relation: Relation;
  readonly assignments: readonly Assignment[];
  readonly where?: Expression;
}

export interface Assignment extends Node {
  readonly kind: "assignment";
  readonly column: Identifier;
  readonly value: Expression;
}

export interface DeleteStatement extends Node {
  readonly kind: "delete";
  readonly relation: Relation;
  readonly where?: Expression;
}

/** `PUT key value [TTL expr] [META expr]` */
export interface PutStatement extends Node {
  readonly kind: "put";
  readonly key: Expression;
  readonly value: Expression;
  readonly ttl?: Expression;
  readonly meta?: Expression;
}

export interface GetStatement extends Node {
  readonly kind: "get";
  readonly keys: readonly Expression[];
}

export interface DelStatement extends Node {
  readonly kind: "del";
  readonly keys: readonly Expression[];
}

/** `SCAN [prefix] [LIMIT expr] [REVERSE]` */
export interface ScanStatement extends Node {
  readonly kind: "scan";
  readonly prefix?: Expression;
  readonly limit?: Expression;
  readonly reverse: boolean;
}

/** `COUNT [prefix]` */
export interface CountStatement extends Node {
  readonly kind: "count";
  readonly prefix?: Expression;
}

export interface HistoryStatement extends Node {
  readonly kind: "history";
  readonly key: Expression;
}

export interface WatchStatement extends Node {
  readonly kind: "watch";
  readonly prefix?: Expression;
}

export interface BeginStatement extends Node {
  readonly kind: "begin";
  readonly readOnly: boolean;
  readonly atVersion?: Expression;
}

export interface CommitStatement extends Node {
  readonly kind: "commit";
}

export interface RollbackStatement extends Node {
  readonly kind: "rollback";
}

export interface ExplainStatement extends Node {
  readonly kind: "explain";
  readonly analyze: boolean;
  readonly statement: Statement;
}

export type FileFormat = "csv" | "tsv" | "json" | "jsonl";

/**
 * `IMPORT 'file' [AS format] [KEY expr] [VALUE expr] [TTL expr] [SKIP ERRORS]`. Inside the expressions identifiers are
 * the row's fields, and `json` alone is the whole row as JSON text.
 */
export interface ImportStatement extends Node {
  readonly kind: "import";
  readonly path: string;
  readonly format?: FileFormat;
  readonly key?: Expression;
  readonly value?: Expression;
  readonly ttl?: Expression;
  readonly skipErrors: boolean;
}

/** `EXPORT select TO 'file' [AS format]` */
export interface ExportStatement extends Node {
  readonly kind: "export";
  readonly query: SelectStatement;
  readonly path: string;
  readonly format?: FileFormat;
}

export interface BackupStatement extends Node {
  readonly kind: "backup";
  readonly path: string;
  readonly since?: Expression;
}

export interface RestoreStatement extends Node {
  readonly kind: "restore";
  readonly path: string;
}

export interface MaintenanceStatement extends Node {
  readonly kind: "maintenance";
  readonly action: "flush" | "compact" | "collect" | "verify";
}

/** `DROP PREFIX expr` or `DROP ALL` */
export interface DropStatement extends Node {
  readonly kind: "drop";
  /** Absent for `DROP ALL`. */
  readonly prefix?: Expression;
}

// --------------------------------------------------------------- expressions

export type Expression =
  | Literal
  | Parameter
  | ColumnReference
  | Unary
  | Binary
  | Between
  | InList
  | Like
  | StartsWith
  | IsNull
  | Case
  | Cast
  | FunctionCall;

/** Numbers carry their text so that printing is exact; durations are in seconds. */
export type Literal = Node & { readonly kind: "literal" } & (
    | { readonly type: "text"; readonly value: string }
    /** `form` is how it was written: b"…", x'…' or b64'…'. */
    | { readonly type: "bytes"; readonly value: Uint8Array; readonly form: "b" | "x" | "b64" }
    | { readonly type: "number"; readonly value: number; readonly text: string }
    | { readonly type: "duration"; readonly value: number; readonly text: string }
    | { readonly type: "boolean"; readonly value: boolean }
    | { readonly type: "null"; readonly value: null }
  );

/** `?` has an index from 0 in order of appearance in the whole text, `:name` a name. */
export type Parameter = Node & { readonly kind: "parameter" } & (
    | { readonly index: number; readonly name?: undefined }
    | { readonly name: string; readonly index?: undefined }
  );

export interface ColumnReference extends Node {
  readonly kind: "reference";
  /** As written; lower-cased unless quoted ("Name"). */
  readonly name: string;
}

export interface Unary extends Node {
  readonly kind: "unary";
  readonly operator: "-" | "+" | "not";
  readonly operand: Expression;
}

export type BinaryOperator =
  | "or"
  | "and"
  | "="
  | "!="
  | "<"
  | "<="
  | ">"
  | ">="
  | "||"
  | "+"
  | "-"
  | "*"
  | "/"
  | "%"
  | "->"
  | "->>";

export interface Binary extends Node {
  readonly kind: "binary";
  readonly operator: BinaryOperator;
  readonly operatorSpan: Span;
  readonly left: Expression;
  readonly right: Expression;
}

export interface Between extends Node {
  readonly kind: "between";
  readonly operand: Expression;
  readonly low: Expression;
  readonly high: Expression;
  readonly negated: boolean;
}

export interface InList extends Node {
  readonly kind: "in";
  readonly operand: Expression;
  readonly items: readonly Expression[];
  readonly negated: boolean;
}

export interface Like extends Node {
  readonly kind: "like";
  readonly operand: Expression;
  readonly pattern: Expression;
  readonly negated: boolean;
}

export interface StartsWith extends Node {
  readonly kind: "startsWith";
  readonly operand: Expression;
  readonly prefix: Expression;
  readonly negated: boolean;
}

export interface IsNull extends Node {
  readonly kind: "isNull";
  readonly operand: Expression;
  readonly negated: boolean;
}

export interface Case extends Node {
  readonly kind: "case";
  readonly operand?: Expression;
  readonly branches: readonly { readonly when: Expression; readonly then: Expression }[];
  readonly otherwise?: Expression;
}

export interface Cast extends Node {
  readonly kind: "cast";
  readonly operand: Expression;
  readonly type: "text" | "bytes" | "integer" | "real" | "json";
}

export interface FunctionCall extends Node {
  readonly kind: "call";
  /** Lower case. */
  readonly name: string;
  readonly nameSpan: Span;
  /** `count(*)` */
  readonly star: boolean;
  readonly distinct: boolean;
  readonly arguments: readonly Expression[];
}
