/** Functions that read and rewrite JSON. */

import { at } from "../../base/assert.ts";
import { isJson, type Datum } from "../value/datum.ts";
import { jsonTypeOf } from "../value/json.ts";
import { readPath, removePath, writePath, type Step } from "../value/json-path.ts";
import { argument, fail, textArgument } from "./call-arguments.ts";
import { toJson, toTextDatum } from "./cast.ts";
import { describeDatum } from "./compiled.ts";
import type { Call, ScalarFunction } from "./functions.ts";
import { documentOf, pathOf } from "./json-access.ts";

export const JSON_FUNCTIONS: Readonly<Record<string, ScalarFunction>> = {
  json: {
    argumentsMin: 1,
    argumentsMax: 1,
    type: "json",
    apply: (args, call) => ({ json: requiredDocument(args, call) }),
  },
  json_set: {
    argumentsMin: 3,
    argumentsMax: Number.POSITIVE_INFINITY,
    type: "json",
    takesNull: true,
    apply: (args, call) => {
      if (args.length % 2 === 0) throw fail(call, args.length - 1, "this path has no value");
      if (args[0] === null) return null;
      let json = requiredDocument(args, call);
      for (let i = 1; i < args.length; i += 2) {
        if (args[i] === null) return null;
        json = writePath(
          json,
          pathArgument(args, i, call),
          jsonValueOf(at(args, i + 1), i + 1, call),
        );
      }
      return { json };
    },
  },
  json_remove: {
    argumentsMin: 2,
    argumentsMax: Number.POSITIVE_INFINITY,
    type: "json",
    apply: (args, call) => {
      let json = requiredDocument(args, call);
      for (let i = 1; i < args.length; i++) json = removePath(json, pathArgument(args, i, call));
      return json === undefined ? null : { json };
    },
  },
  json_type: {
    argumentsMin: 1,
    argumentsMax: 2,
    type: "text",
    apply: (args, call, frame) => {
      const json = documentOf(argument(args, 0), frame);
      if (json === undefined) return null;
      const found = args.length > 1 ? readPath(json, pathArgument(args, 1, call)) : json;
      return found === undefined ? null : jsonTypeOf(found);
    },
  },
};

function requiredDocument(args: readonly Datum[], call: Call): unknown {
  const datum = argument(args, 0);
  const json = datum === null ? null : toJson(datum, call.argumentSpans[0]);
  return json !== null && isJson(json) ? json.json : null;
}

function pathArgument(args: readonly Datum[], index: number, call: Call): readonly Step[] {
  return pathOf(textArgument(args, index, call), call.argumentSpans[index] ?? call.span);
}

/** A SQL value as it goes into JSON: bytes have to be text. */
function jsonValueOf(datum: Datum, index: number, call: Call): unknown {
  if (datum instanceof Uint8Array) return toTextDatum(datum, call.argumentSpans[index]);
  if (typeof datum === "object") return datum === null ? null : datum.json;
  if (typeof datum === "number" && !Number.isFinite(datum)) {
    throw fail(call, index, `JSON has no ${describeDatum(datum)} ${datum}`);
  }
  return datum;
}
