/**
 * The aggregates. Null arguments are skipped; over no rows `count` gives 0 and all others null. `min` and
 * `max` are aggregates with one argument and scalar functions with more.
 */

import type { FunctionCall, Span } from "../../../grammar/ast.ts";
import { Problem } from "../problem.ts";
import { compareData, groupKey, sizeOfDatum, textOf, unboxed, type Datum } from "../value/datum.ts";
import { describeDatum, describeType, isNumeric, type StaticType } from "./compiled.ts";

/** Running state of one aggregate over one group. */
export interface Accumulator {
  /** `second` is the separator of `group_concat`. The value is owned by the accumulator. */
  add(datum: Datum, second: Datum): void;
  result(): Datum;
}

export interface Aggregate {
  readonly argumentsMax: number;
  /** Type of the result from the type of the argument; throws a `Problem` for a wrong one. */
  type(argument: StaticType, span: Span): StaticType;
  /** `grow` is told how many bytes the state has grown by. */
  start(span: Span, grow: (bytes: number) => void): Accumulator;
}

export const AGGREGATES: Readonly<Record<string, Aggregate>> = {
  count: {
    argumentsMax: 1,
    type: () => "integer",
    start: () => new Count(),
  },
  sum: {
    argumentsMax: 1,
    type: (type, span) => numeric("sum", type, span),
    start: (span) => new Sum("sum", span),
  },
  avg: {
    argumentsMax: 1,
    type: (type, span) => (numeric("avg", type, span), "real"),
    start: (span) => new Sum("avg", span),
  },
  min: {
    argumentsMax: 1,
    type: (type) => type,
    start: (span) => new Extreme(-1, span),
  },
  max: {
    argumentsMax: 1,
    type: (type) => type,
    start: (span) => new Extreme(1, span),
  },
  group_concat: {
    argumentsMax: 2,
    type: () => "text",
    start: (span, grow) => new Concatenation(span, grow),
  },
};

export function isAggregateCall(node: FunctionCall): boolean {
  if (!Object.hasOwn(AGGREGATES, node.name)) return false;
  return (node.name !== "min" && node.name !== "max") || node.arguments.length <= 1;
}

function numeric(name: string, type: StaticType, span: Span): StaticType {
  if (isNumeric(type)) return type;
  if (type === "any" || type === "json" || type === "null") return "number";
  throw notANumber(name, describeType(type), span);
}

function notANumber(name: string, found: string, span: Span): Problem {
  const hint = "CAST(… AS real) reads a number from text, value ->> '$.field' one inside JSON";
  return new Problem(`${name} takes numbers, found ${found}`, span, hint);
}

class Count implements Accumulator {
  #count = 0;

  add(): void {
    this.#count++;
  }

  result(): Datum {
    return this.#count;
  }
}

/** Sum with Neumaier's compensation: the order of rows does not decide the last digits. */
class Sum implements Accumulator {
  readonly #name: "sum" | "avg";
  readonly #span: Span;
  #sum = 0;
  #lost = 0;
  #count = 0;

  constructor(name: "sum" | "avg", span: Span) {
    this.#name = name;
    this.#span = span;
  }

  add(datum: Datum): void {
    const number = unboxed(datum);
    if (number === null) return;
    if (typeof number !== "number") {
      throw notANumber(this.#name, describeDatum(number), this.#span);
    }
    const next = this.#sum + number;
    const larger = Math.abs(this.#sum) >= Math.abs(number);
    this.#lost += larger ? this.#sum - next + number : number - next + this.#sum;
    this.#sum = next;
    this.#count++;
  }

  result(): Datum {
    if (this.#count === 0) return null;
    const sum = this.#sum + this.#lost;
    if (!Number.isFinite(sum)) throw new Problem("the sum is too large for a number", this.#span);
    return this.#name === "avg" ? sum / this.#count : sum;
  }
}

class Extreme implements Accumulator {
  readonly #direction: 1 | -1;
  readonly #span: Span;
  #best: Datum = null;

  constructor(direction: 1 | -1, span: Span) {
    this.#direction = direction;
    this.#span = span;
  }

  add(datum: Datum): void {
    if (this.#best === null) {
      this.#best = datum;
      return;
    }
    const order = compareData(datum, this.#best);
    if (order !== order) {
      const [a, b] = [describeDatum(unboxed(this.#best)), describeDatum(unboxed(datum))];
      throw new Problem(`cannot compare ${a} with ${b}`, this.#span);
    }
    if (order * this.#direction > 0) this.#best = datum;
  }

  result(): Datum {
    return this.#best;
  }
}

class Concatenation implements Accumulator {
  readonly #span: Span;
  readonly #grow: (bytes: number) => void;
  #text: string | null = null;

  constructor(span: Span, grow: (bytes: number) => void) {
    this.#span = span;
    this.#grow = grow;
  }

  add(datum: Datum, separator: Datum): void {
    const text = textOf(datum);
    if (text === undefined) {
      const hint = "group_concat(hex(…)) shows any bytes";
      throw new Problem(
        "group_concat takes text, found bytes that are not UTF-8",
        this.#span,
        hint,
      );
    }
    const between = separator === null ? "," : (textOf(separator) ?? ",");
    this.#grow(2 * (text.length + between.length));
    this.#text = this.#text === null ? text : this.#text + between + text;
  }

  result(): Datum {
    return this.#text;
  }
}

/** Passes each distinct value on once. */
export class Distinct implements Accumulator {
  readonly #inner: Accumulator;
  readonly #grow: (bytes: number) => void;
  readonly #seen = new Set<string>();

  constructor(inner: Accumulator, grow: (bytes: number) => void) {
    this.#inner = inner;
    this.#grow = grow;
  }

  add(datum: Datum, second: Datum): void {
    const key = groupKey([datum]);
    if (this.#seen.has(key)) return;
    this.#grow(sizeOfDatum(key) + 32);
    this.#seen.add(key);
    this.#inner.add(datum, second);
  }

  result(): Datum {
    return this.#inner.result();
  }
}
