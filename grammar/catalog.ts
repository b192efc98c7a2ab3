/**
 * The names a statement may use: relations with their columns, functions with a line of help. Data for
 * completion, help and "did you mean"; the planner decides what is valid.
 */

const KV = ["key", "value", "version", "user_meta", "expires_at", "ttl", "size"] as const;

/** Relation → column names. The `meles_*` relations describe their own columns when they are read. */
export const COLUMNS: Readonly<Record<string, readonly string[]>> = {
  kv: KV,
  history: [...KV, "deleted"],
  meles_levels: [],
  meles_tables: [],
  meles_vlogs: [],
  meles_stats: [],
  meles_options: [],
  meles_snapshots: [],
};

export interface FunctionDescription {
  readonly name: string;
  readonly signature: string;
  readonly summary: string;
  /** Takes one value from many rows. */
  readonly aggregate: boolean;
}

const scalar = (name: string, args: string, summary: string): FunctionDescription => ({
  name,
  signature: `${name}(${args})`,
  summary,
  aggregate: false,
});

const aggregate = (name: string, args: string, summary: string): FunctionDescription => ({
  name,
  signature: `${name}(${args})`,
  summary,
  aggregate: true,
});

/** `min` and `max` stand twice: of several arguments, and of one over rows. */
export const FUNCTIONS: readonly FunctionDescription[] = [
  scalar("length", "x", "characters of a text, bytes of a byte string"),
  scalar("lower", "text", "in lower case"),
  scalar("upper", "text", "in upper case"),
  scalar("trim", "text", "without white space at both ends"),
  scalar("substr", "x, start [, count]", "part of a text or byte string; start counts from 1"),
  scalar("replace", "text, from, to", "every from replaced by to"),
  scalar("hex", "x", "its bytes as hexadecimal text"),
  scalar("base64", "x", "its bytes as base64 text"),
  scalar("text", "bytes", "bytes read as UTF-8 text"),
  scalar("json", "x", "as compact JSON text; an error if it is not JSON"),
  scalar("json_set", "json, path, value", "the document with the value at the path"),
  scalar("json_remove", "json, path", "the document without what is at the path"),
  scalar("json_type", "json [, path]", "null, true, false, integer, real, text, array or object"),
  scalar("typeof", "x", "the type of a value"),
  scalar("coalesce", "x, y, …", "the first that is not null"),
  scalar("nullif", "x, y", "null if both are equal, else x"),
  scalar("abs", "number", "without its sign"),
  scalar("round", "number [, digits]", "rounded to so many digits after the point"),
  scalar("min", "x, y, …", "the least of its arguments"),
  scalar("max", "x, y, …", "the greatest of its arguments"),
  scalar("now", "", "the time in unix seconds"),
  scalar("key_after", "key", "the smallest key greater than this one"),
  aggregate("count", "* | [DISTINCT] x", "rows, or values that are not null"),
  aggregate("sum", "[DISTINCT] x", "the sum of the values"),
  aggregate("avg", "[DISTINCT] x", "the mean of the values"),
  aggregate("min", "x", "the least value"),
  aggregate("max", "x", "the greatest value"),
  aggregate("group_concat", "[DISTINCT] x [, separator]", "the values joined as text"),
];
