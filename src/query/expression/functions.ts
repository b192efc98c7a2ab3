/**
 * The scalar functions: one table from which calls are compiled. What help says about them is in the
 * grammar's catalog. Unless a function says otherwise, null in gives null out.
 */

import type { FunctionCall, Span } from "../../../grammar/ast.ts";
import { FUNCTIONS } from "../../../grammar/index.ts";
import { at } from "../../base/assert.ts";
import { Problem } from "../problem.ts";
import type { Datum } from "../value/datum.ts";
import { derived, type Compile, type Compiled, type Scope, type StaticType } from "./compiled.ts";
import type { Frame } from "./frame.ts";
import { GENERAL_FUNCTIONS } from "./general-functions.ts";
import { JSON_FUNCTIONS } from "./json-functions.ts";
import { TEXT_FUNCTIONS } from "./text-functions.ts";

/** One call in the text: what a function needs to say where it was used wrongly. */
export interface Call {
  readonly name: string;
  readonly span: Span;
  readonly argumentSpans: readonly Span[];
  readonly nowSeconds: number;
}

export interface ScalarFunction {
  readonly argumentsMin: number;
  readonly argumentsMax: number;
  readonly type: StaticType | ((types: readonly StaticType[]) => StaticType);
  /** Called with nulls too. */
  readonly takesNull?: boolean;
  /** `args` is reused by the next call: keep nothing of it. */
  apply(args: readonly Datum[], call: Call, frame: Frame): Datum;
}

export const SCALAR_FUNCTIONS: Readonly<Record<string, ScalarFunction>> = {
  ...TEXT_FUNCTIONS,
  ...JSON_FUNCTIONS,
  ...GENERAL_FUNCTIONS,
};

export function compileCall(
  node: FunctionCall,
  definition: ScalarFunction,
  scope: Scope,
  compile: Compile,
): Compiled {
  checkArguments(node, definition);
  const operands = node.arguments.map((argument) => compile(argument));
  const call: Call = {
    name: node.name,
    span: node.span,
    argumentSpans: node.arguments.map((argument) => argument.span),
    nowSeconds: scope.nowSeconds,
  };
  const { type, takesNull = false } = definition;
  const evaluates = operands.map((operand) => operand.evaluate);
  const args: Datum[] = evaluates.map(() => null);
  return derived(
    operands,
    typeof type === "function" ? type(operands.map((operand) => operand.type)) : type,
    (frame) => {
      for (let i = 0; i < evaluates.length; i++) {
        const datum = at(evaluates, i)(frame);
        if (datum === null && !takesNull) return null;
        args[i] = datum;
      }
      return definition.apply(args, call, frame);
    },
  );
}

function checkArguments(node: FunctionCall, definition: ScalarFunction): void {
  if (node.star || node.distinct) {
    const what = node.star ? "*" : "DISTINCT";
    throw new Problem(`${node.name} does not take ${what}`, node.span, signatureOf(node.name));
  }
  const count = node.arguments.length;
  if (count < definition.argumentsMin || count > definition.argumentsMax) {
    throw new Problem(
      `${node.name} does not take ${count} argument${count === 1 ? "" : "s"}`,
      node.span,
      signatureOf(node.name),
    );
  }
}

/** How a function is called, as help shows it. */
export function signatureOf(name: string, aggregate = false): string | undefined {
  return FUNCTIONS.find((found) => found.name === name && found.aggregate === aggregate)?.signature;
}
