/** Functions over text and bytes. */

import { keyAfter, toBytes } from "../../base/bytes.ts";
import type { Datum } from "../value/datum.ts";
import { argument, fail, integerArgument, textArgument, textOrBytes } from "./call-arguments.ts";
import { toTextDatum } from "./cast.ts";
import type { StaticType } from "./compiled.ts";
import type { ScalarFunction } from "./functions.ts";

export const TEXT_FUNCTIONS: Readonly<Record<string, ScalarFunction>> = {
  length: {
    argumentsMin: 1,
    argumentsMax: 1,
    type: "integer",
    apply: (args, call) => {
      const datum = textOrBytes(args, 0, call);
      return typeof datum === "string" ? characterCount(datum) : datum.length;
    },
  },
  lower: {
    argumentsMin: 1,
    argumentsMax: 1,
    type: "text",
    apply: (args, call) => textArgument(args, 0, call).toLowerCase(),
  },
  upper: {
    argumentsMin: 1,
    argumentsMax: 1,
    type: "text",
    apply: (args, call) => textArgument(args, 0, call).toUpperCase(),
  },
  trim: {
    argumentsMin: 1,
    argumentsMax: 2,
    type: "text",
    apply: (args, call) => {
      const text = textArgument(args, 0, call);
      return args.length > 1 ? trimmed(text, textArgument(args, 1, call)) : text.trim();
    },
  },
  substr: {
    argumentsMin: 2,
    argumentsMax: 3,
    type: (types) => sameAsFirst(types),
    apply: (args, call) => {
      const datum = textOrBytes(args, 0, call);
      const start = integerArgument(args, 1, call);
      const length = args.length > 2 ? integerArgument(args, 2, call) : Number.POSITIVE_INFINITY;
      if (length < 0) throw fail(call, 2, "a length is 0 or more");
      return typeof datum === "string"
        ? substringOf(datum, start, length)
        : new Uint8Array(datum.subarray(...sliceBounds(datum.length, start, length)));
    },
  },
  replace: {
    argumentsMin: 3,
    argumentsMax: 3,
    type: "text",
    apply: (args, call) => {
      const from = textArgument(args, 1, call);
      const text = textArgument(args, 0, call);
      const to = textArgument(args, 2, call);
      return from === "" ? text : text.split(from).join(to);
    },
  },
  hex: {
    argumentsMin: 1,
    argumentsMax: 1,
    type: "text",
    apply: (args, call) =>
      toBytes(textOrBytes(args, 0, call))
        .toHex()
        .toUpperCase(),
  },
  base64: {
    argumentsMin: 1,
    argumentsMax: 1,
    type: "text",
    apply: (args, call) => toBytes(textOrBytes(args, 0, call)).toBase64(),
  },
  text: {
    argumentsMin: 1,
    argumentsMax: 1,
    type: "text",
    apply: (args, call) => {
      const datum = argument(args, 0);
      return datum === null ? null : toTextDatum(datum, call.argumentSpans[0]);
    },
  },
  key_after: {
    argumentsMin: 1,
    argumentsMax: 1,
    type: "bytes",
    apply: (args, call) => keyAfter(toBytes(textOrBytes(args, 0, call))),
  },
};

function sameAsFirst(types: readonly StaticType[]): StaticType {
  const [first = "any"] = types;
  return first === "json" ? "any" : first;
}

const SURROGATE = /[\ud800-\udfff]/;

function characterCount(text: string): number {
  return SURROGATE.test(text) ? [...text].length : text.length;
}

function substringOf(text: string, start: number, length: number): Datum {
  if (!SURROGATE.test(text)) return text.slice(...sliceBounds(text.length, start, length));
  const characters = [...text];
  return characters.slice(...sliceBounds(characters.length, start, length)).join("");
}

/** Bounds [from, to) of SQL's substr: position 1 is the first, 0 lies before it, −1 is the last. */
function sliceBounds(total: number, start: number, length: number): [number, number] {
  const from = start > 0 ? start - 1 : start < 0 ? total + start : -1;
  const to = Math.min(total, from + length);
  const first = Math.min(Math.max(0, from), total);
  return [first, Math.max(first, to)];
}

function trimmed(text: string, characters: string): string {
  const set = new Set(characters);
  let from = 0;
  let to = text.length;
  while (from < to && set.has(text.charAt(from))) from++;
  while (to > from && set.has(text.charAt(to - 1))) to--;
  return text.slice(from, to);
}
