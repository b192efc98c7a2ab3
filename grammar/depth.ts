/** How deep a tree is, found without recursion. */

import type { Expression, Statement } from "./ast.ts";

/** Levels of expressions a tree may have. */
export const DEPTH_MAX = 1000;

/** An expression that has `DEPTH_MAX` expressions around it, if there is one. */
export function tooDeepNode(statement: Statement): Expression | undefined {
  const waiting: [part: object, depth: number][] = [[statement, 0]];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [part, depth] = next;
    const inner = "kind" in part ? depth + 1 : depth;
    if (inner > DEPTH_MAX + 1) return part as Expression;
    for (const [name, value] of Object.entries(part)) {
      const isPart = typeof value === "object" && value !== null && !ArrayBuffer.isView(value);
      if (isPart && !name.endsWith("pan")) waiting.push([value as object, inner]);
    }
  }
  return undefined;
}
