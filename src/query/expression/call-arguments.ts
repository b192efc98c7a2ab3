/** Reading the arguments of a scalar function with the checks that all of them share. */

import { Problem } from "../problem.ts";
import { unboxed, type Datum } from "../value/datum.ts";
import { toTextDatum } from "./cast.ts";
import { describeDatum } from "./compiled.ts";
import type { Call } from "./functions.ts";

/** Present or not, as counted by the table's bounds. */
export function argument(args: readonly Datum[], index: number): Datum {
  return args[index] ?? null;
}

export function fail(call: Call, index: number, message: string, hint?: string): Problem {
  return new Problem(message, call.argumentSpans[index] ?? call.span, hint);
}

/** Text, or bytes that are UTF-8. */
export function textArgument(args: readonly Datum[], index: number, call: Call): string {
  const datum = unboxed(argument(args, index));
  if (typeof datum === "string") return datum;
  if (datum instanceof Uint8Array) return toTextDatum(datum, call.argumentSpans[index]);
  throw fail(call, index, `${call.name} takes text here, found ${describeDatum(datum)}`);
}

/** Text or bytes, as they are. */
export function textOrBytes(
  args: readonly Datum[],
  index: number,
  call: Call,
): string | Uint8Array {
  const datum = unboxed(argument(args, index));
  if (typeof datum === "string" || datum instanceof Uint8Array) return datum;
  throw fail(call, index, `${call.name} takes text or bytes here, found ${describeDatum(datum)}`);
}

export function numberArgument(args: readonly Datum[], index: number, call: Call): number {
  const datum = unboxed(argument(args, index));
  if (typeof datum === "number") return datum;
  throw fail(call, index, `${call.name} takes a number here, found ${describeDatum(datum)}`);
}

export function integerArgument(args: readonly Datum[], index: number, call: Call): number {
  const number = numberArgument(args, index, call);
  if (Number.isInteger(number)) return number;
  throw fail(call, index, `${call.name} takes a whole number here, found ${number}`);
}
