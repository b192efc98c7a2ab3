/** Functions over numbers and over values of any type. */

import { Problem } from "../problem.ts";
import { compareData, typeName, unboxed, type Datum } from "../value/datum.ts";
import { argument, fail, integerArgument, numberArgument } from "./call-arguments.ts";
import { describeDatum, unitedType } from "./compiled.ts";
import type { Call, ScalarFunction } from "./functions.ts";

export const GENERAL_FUNCTIONS: Readonly<Record<string, ScalarFunction>> = {
  typeof: {
    argumentsMin: 1,
    argumentsMax: 1,
    type: "text",
    takesNull: true,
    apply: (args) => typeName(argument(args, 0)),
  },
  nullif: {
    argumentsMin: 2,
    argumentsMax: 2,
    type: ([first = "any"]) => first,
    takesNull: true,
    apply: (args, call) => {
      const [a, b] = [argument(args, 0), argument(args, 1)];
      return a !== null && b !== null && ordered(a, b, call, true) === 0 ? null : a;
    },
  },
  abs: {
    argumentsMin: 1,
    argumentsMax: 1,
    type: ([first = "number"]) => (first === "integer" || first === "real" ? first : "number"),
    apply: (args, call) => Math.abs(numberArgument(args, 0, call)),
  },
  round: {
    argumentsMin: 1,
    argumentsMax: 2,
    type: "real",
    apply: (args, call) => {
      const digits = args.length > 1 ? integerArgument(args, 1, call) : 0;
      if (digits < 0 || digits > 15) throw fail(call, 1, "digits lie between 0 and 15");
      return rounded(numberArgument(args, 0, call), digits);
    },
  },
  min: {
    argumentsMin: 2,
    argumentsMax: Number.POSITIVE_INFINITY,
    type: unitedType,
    apply: (args, call) => extreme(args, call, -1),
  },
  max: {
    argumentsMin: 2,
    argumentsMax: Number.POSITIVE_INFINITY,
    type: unitedType,
    apply: (args, call) => extreme(args, call, 1),
  },
  now: {
    argumentsMin: 0,
    argumentsMax: 0,
    type: "integer",
    apply: (_args, call) => call.nowSeconds,
  },
};

function extreme(args: readonly Datum[], call: Call, direction: 1 | -1): Datum {
  let best = argument(args, 0);
  for (let i = 1; i < args.length; i++) {
    const candidate = argument(args, i);
    if (ordered(candidate, best, call) * direction > 0) best = candidate;
  }
  return best;
}

function ordered(a: Datum, b: Datum, call: Call, equality = false): number {
  const order = compareData(a, b, equality);
  if (order === order) return order;
  const [left, right] = [describeDatum(unboxed(a)), describeDatum(unboxed(b))];
  throw new Problem(`${call.name} cannot compare ${left} with ${right}`, call.span);
}

/** Shifts by text, because multiplying by a power of ten would round twice. */
function rounded(number: number, digits: number): number {
  const text = String(Math.abs(number));
  if (text.includes("e")) return Math.abs(number) < 1 ? 0 : number;
  return Math.sign(number) * Number(`${Math.round(Number(`${text}e${digits}`))}e-${digits}`);
}
