/**
 * Paths into JSON: `$`, `$.name`, `$."any name"`, `$[2]`, `$[#-1]` (from the end) and any chain of them.
 * A bare word or a whole number is one step, so `value ->> 'city'` is `value ->> '$.city'`.
 *
 * Reading what is not there gives `undefined`; a path that cannot be read is a `PathError`.
 */

import { quoteText } from "../../../grammar/index.ts";

export type Step = string | { readonly index: number; readonly fromEnd: boolean };

export class PathError extends Error {
  override readonly name = "PathError";
}

export function parsePath(text: string): readonly Step[] {
  if (!text.startsWith("$")) {
    if (/^[\p{L}\p{N}_-]+$/u.test(text)) return [text];
    throw new PathError(
      `${quoteText(text)} is not a JSON path: a path starts with $, as in '$.a.b[0]'`,
    );
  }
  const steps: Step[] = [];
  const step = /\.([\p{L}\p{N}_$-]+)|\."((?:[^"\\]|\\.)*)"|\[(#-)?(\d+)\]/uy;
  let offset = 1;
  while (offset < text.length) {
    step.lastIndex = offset;
    const match = step.exec(text);
    if (match === null) throw unreadable(text, offset);
    steps.push(stepOf(match, text, offset));
    offset = step.lastIndex;
  }
  return steps;
}

function stepOf(match: RegExpExecArray, text: string, offset: number): Step {
  const [, name, quoted, fromEnd, index] = match;
  if (name !== undefined) return name;
  if (index !== undefined) return { index: Number(index), fromEnd: fromEnd !== undefined };
  try {
    return JSON.parse(`"${quoted ?? ""}"`) as string;
  } catch {
    throw unreadable(text, offset);
  }
}

function unreadable(text: string, offset: number): PathError {
  return new PathError(
    `${quoteText(text)} is not a JSON path: ${quoteText(text.slice(offset))} should be .name, ."name" or [0]`,
  );
}

export function readPath(json: unknown, steps: readonly Step[]): unknown {
  let current = json;
  for (const step of steps) {
    if (typeof current !== "object" || current === null) return undefined;
    current = child(current, step);
  }
  return current;
}

function child(parent: object, step: Step): unknown {
  if (typeof step === "string") {
    if (Array.isArray(parent)) return undefined;
    return Object.hasOwn(parent, step) ? (parent as Record<string, unknown>)[step] : undefined;
  }
  return Array.isArray(parent) ? parent[position(parent, step)] : undefined;
}

function position(list: readonly unknown[], step: Exclude<Step, string>): number {
  return step.fromEnd ? list.length - step.index : step.index;
}

/** A copy with `value` at the path; missing objects on the way are made. Out of reach: unchanged. */
export function writePath(json: unknown, steps: readonly Step[], value: unknown): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return value;
  if (typeof step === "string") {
    if (json === undefined) return withField({}, step, writePath(undefined, rest, value));
    if (typeof json !== "object" || json === null || Array.isArray(json)) return json;
    return withField(json, step, writePath(child(json, step), rest, value));
  }
  if (json === undefined && step.index === 0) return [writePath(undefined, rest, value)];
  if (!Array.isArray(json)) return json;
  const index = position(json, step);
  if (index < 0 || index > json.length) return json;
  const copy = json.slice();
  copy[index] = writePath(json[index], rest, value);
  return copy;
}

/** A copy without what is at the path. Removing the whole (`$`) gives `undefined`. */
export function removePath(json: unknown, steps: readonly Step[]): unknown {
  const [step, ...rest] = steps;
  if (step === undefined) return undefined;
  if (typeof json !== "object" || json === null) return json;
  const found = child(json, step);
  if (found === undefined) return json;
  const left = removePath(found, rest);
  if (typeof step === "string") return withField(json, step, left);
  const list = (json as readonly unknown[]).slice();
  const index = position(list, step);
  if (left === undefined) list.splice(index, 1);
  else list[index] = left;
  return list;
}

/** `Object.entries` and back, because assigning to `__proto__` would not make a field. */
function withField(json: object, name: string, value: unknown): object {
  const fields = new Map(Object.entries(json));
  if (value === undefined) fields.delete(name);
  else fields.set(name, value);
  return Object.fromEntries(fields);
}
