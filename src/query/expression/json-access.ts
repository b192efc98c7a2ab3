/**
 * `->` and `->>`. Both look inside: bytes and text are read as JSON, and what is not there, or is not JSON
 * at all, is null. `->` gives JSON, `->>` gives scalars as SQL values and the rest as JSON text.
 */

import type { Binary, Span } from "../../../grammar/ast.ts";
import { Problem } from "../problem.ts";
import { isJson, jsonText, scalarOf, type Datum } from "../value/datum.ts";
import { parseJson, parseJsonBytes } from "../value/json.ts";
import { parsePath, PathError, readPath, type Step } from "../value/json-path.ts";
import { derived, type Compile, type Compiled } from "./compiled.ts";
import type { Frame } from "./frame.ts";

export function compileJsonAccess(node: Binary, compile: Compile): Compiled {
  const left = compile(node.left);
  const right = compile(node.right);
  if (left.type === "integer" || left.type === "real" || left.type === "boolean") {
    throw new Problem(`${node.operator} looks inside JSON, found ${left.type}`, node.left.span);
  }
  const unpack = node.operator === "->>";
  const { span } = node.right;
  const constant = right.folded === undefined ? undefined : stepsOf(right.folded.datum, span);
  const document = left.evaluate;
  const type = unpack ? "any" : "json";
  if (constant === null) return derived([left], type, () => null);
  return derived([left, right], type, (frame) => {
    const json = documentOf(document(frame), frame);
    if (json === undefined) return null;
    const steps = constant ?? stepsOf(right.evaluate(frame), span);
    if (steps === null) return null;
    const found = readPath(json, steps);
    if (found === undefined) return null;
    return unpack ? unpacked(found) : { json: found };
  });
}

/** Parsed JSON of a value, or `undefined` for null and for what is not JSON. */
export function documentOf(datum: Datum, frame: Frame | undefined): unknown {
  if (datum instanceof Uint8Array) {
    return frame === undefined ? parseJsonBytes(datum) : frame.json(datum);
  }
  if (typeof datum === "string") return parseJson(datum);
  if (datum === null) return undefined;
  return isJson(datum) ? datum.json : datum;
}

function unpacked(json: unknown): Datum {
  const scalar = scalarOf(json);
  return isJson(scalar) ? jsonText(scalar) : scalar;
}

/** The path of `->`: text, or a whole number as an index (negative from the end). */
function stepsOf(datum: Datum, span: Span): readonly Step[] | null {
  if (datum === null) return null;
  if (typeof datum === "number" && Number.isInteger(datum)) {
    return [{ index: Math.abs(datum), fromEnd: datum < 0 }];
  }
  if (typeof datum === "string") return pathOf(datum, span);
  throw new Problem("a JSON path is text, as in '$.a.b[0]'", span);
}

let lastText = "";
let lastSteps: readonly Step[] | undefined;

/** Parses a path, remembering the last one: statements that compute paths use few different ones. */
export function pathOf(text: string, span: Span): readonly Step[] {
  if (text === lastText && lastSteps !== undefined) return lastSteps;
  try {
    lastSteps = parsePath(text);
    lastText = text;
    return lastSteps;
  } catch (error) {
    if (error instanceof PathError) throw new Problem(error.message, span);
    throw error;
  }
}
