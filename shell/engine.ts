/**
 * The shell's door to the database: types for everybody, code on demand. `help` and `version` must
 * not pay for loading the engine or the grammar, so nothing here imports them at the top level.
 */

import type { QueryJson, QueryValue } from "../src/index.ts";

export type {
  Batch,
  Database,
  Entry,
  ErrorCode,
  QueryJson,
  QueryParameters,
  QueryValue,
  SalvageFinding,
  Session,
  SessionOptions,
  StatementResult,
  SyncLevel,
} from "../src/index.ts";

export type { Statement } from "../grammar/index.ts";

export type Engine = typeof import("../src/index.ts");
export type Language = typeof import("../grammar/index.ts");

export function loadEngine(): Promise<Engine> {
  return import("../src/index.ts");
}

export function loadLanguage(): Promise<Language> {
  return import("../grammar/index.ts");
}

/** A parameter as `--param` and `.param` keep it. */
export type ParameterValue = null | boolean | number | string | Uint8Array;

export function isJson(value: QueryValue): value is QueryJson {
  return typeof value === "object" && value !== null && !(value instanceof Uint8Array);
}
