/** The values of `?` and `:name` in a statement, checked once when it starts. */

import type { Span } from "../../grammar/ast.ts";
import { toBytes } from "../base/bytes.ts";
import { MelesError } from "../base/errors.ts";
import type { QueryParameters } from "../database/contract.ts";

import { didYouMean, Problem } from "./problem.ts";
import type { Datum } from "./value/datum.ts";

export class ParameterValues {
  readonly #positional: readonly Datum[];
  readonly #named = new Map<string, Datum>();

  constructor(parameters: QueryParameters | undefined) {
    if (parameters === undefined) {
      this.#positional = [];
    } else if (isList(parameters)) {
      this.#positional = parameters.map((value, index) => checked(value, `parameter ${index + 1}`));
    } else {
      this.#positional = [];
      for (const [name, value] of Object.entries(parameters)) {
        const bare = name.startsWith(":") ? name.slice(1) : name;
        this.#named.set(bare, checked(value, `parameter :${bare}`));
      }
    }
  }

  /** How many positional values there are. */
  get count(): number {
    return this.#positional.length;
  }

  /** Throws a `Problem` for a parameter that was given no value. */
  value(parameter: number | string, span: Span): Datum {
    if (typeof parameter === "number") {
      const value = this.#positional[parameter];
      if (value !== undefined) return value;
      throw new Problem(`parameter ${parameter + 1} has no value`, span, this.#supply());
    }
    const value = this.#named.get(parameter);
    if (value !== undefined) return value;
    const names = [...this.#named.keys()].map((name) => `:${name}`);
    const hint = names.length === 0 ? this.#supply() : didYouMean(`:${parameter}`, names);
    throw new Problem(`parameter :${parameter} has no value`, span, hint);
  }

  #supply(): string {
    return this.#positional.length === 0
      ? "pass a list of values for ?, or an object with a value for each :name"
      : `${this.#positional.length} were given`;
  }
}

function isList(
  parameters: QueryParameters,
): parameters is Extract<QueryParameters, readonly unknown[]> {
  return Array.isArray(parameters);
}

function checked(value: unknown, what: string): Datum {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (value instanceof Uint8Array) return toBytes(value);
  throw new MelesError(
    "ERR_INVALID_ARGUMENT",
    `${what} must be null, a boolean, a finite number, a string or a Uint8Array`,
  );
}
