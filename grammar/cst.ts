/**
 * Reading Chevrotain's concrete syntax tree: a node keeps its children by name, in text order within a
 * name. Offsets become absolute here, by adding where the statement starts in the whole text.
 */

import type { CstNode, IToken } from "chevrotain";
import type { Span } from "./ast.ts";
import type { MelesParser } from "./parser.ts";

export type Children = CstNode["children"];

/** Names of the grammar's rules, from the parser's own fields. */
export type RuleName = {
  [K in keyof MelesParser]: MelesParser[K] extends { ruleName: string } ? K : never;
}[keyof MelesParser];

/** Sub-trees under `name`, none if the part was left out. */
export function nodes(children: Children, name: string): readonly Children[] {
  return ((children[name] ?? []) as CstNode[]).map((node) => node.children);
}

/** The sub-tree under `name`, which the grammar guarantees. */
export function node(children: Children, name: string): Children {
  return (children[name] as CstNode[])[0]?.children as Children;
}

export function tokens(children: Children, name: string): readonly IToken[] {
  return (children[name] ?? []) as IToken[];
}

/** The token under `name`, which the grammar guarantees. */
export function token(children: Children, name: string): IToken {
  return (children[name] as IToken[])[0] as IToken;
}

/** From the start of one node to the end of another. */
export function between(first: { span: Span }, last: { span: Span }): Span {
  return { start: first.span.start, end: last.span.end };
}
