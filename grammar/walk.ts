/**
 * What may come next: the grammar as a state machine, walked along tokens that were already read.
 * Derived from the parser's rules, so it cannot disagree with them. All readings of a text are followed
 * side by side; each step costs one pass over the places they have reached, so a walk is linear.
 *
 * Serves diagnostics ("expected …"), completion and highlighting.
 */

import {
  Alternation,
  Alternative,
  type IProduction,
  type IToken,
  NonTerminal,
  Option,
  Repetition,
  RepetitionMandatory,
  RepetitionMandatoryWithSeparator,
  RepetitionWithSeparator,
  Terminal,
  type TokenType,
} from "chevrotain";
import { parser } from "./parser.ts";

/** A place in a rule. `end` is the place after its last part. */
interface State {
  readonly rule: string;
  readonly steps: Step[];
  readonly end: boolean;
}

type Step =
  | { readonly kind: "jump"; readonly to: State }
  | { readonly kind: "token"; readonly type: TokenType; readonly part: string; readonly to: State }
  | { readonly kind: "rule"; readonly rule: string; readonly to: State };

/** Where to go on when the current rule ends. Equal stacks are one object: see `frameOf`. */
interface Frame {
  readonly back: State | undefined;
  readonly parent: Frame | undefined;
  readonly children: Map<State, Frame>;
}

/** One token that may come next. */
export interface Way {
  readonly type: TokenType;
  /** The part the token plays: the LABEL in its rule, or its type's name. */
  readonly part: string;
  /** The rule it stands in. */
  readonly rule: string;
  /** The rule that would start with it, if any; an expression rather than its parts. */
  readonly starts: string | undefined;
  readonly to: State;
  readonly frame: Frame;
}

/** Rules whose own parts are not worth naming. */
const WHOLES: ReadonlySet<string> = new Set([
  "expression",
  "operation",
  "operand",
  "test",
  "callArguments",
]);

/** The next tokens at the start of a text. */
export function firstWays(): readonly Way[] {
  const ways: Way[] = [];
  const bottom: Frame = { back: undefined, parent: undefined, children: new Map() };
  expand(graph().get("script") as State, bottom, undefined, ways);
  return ways;
}

/** The ways of `ways` that `token` takes: empty if it cannot come here. */
export function taken(ways: readonly Way[], token: IToken): readonly Way[] {
  return ways.filter((way) => accepts(way, token.tokenType));
}

export function accepts(way: Way, type: TokenType): boolean {
  return way.type === type || (type.CATEGORIES?.includes(way.type) ?? false);
}

/**
 * What may come after the token that took these ways. Readings that have met again count once: only
 * PUT's two neighbouring expressions ever need more than one.
 */
export function waysAfter(took: readonly Way[]): readonly Way[] {
  const ways: Way[] = [];
  took.forEach((way, i) => {
    const met = took.findIndex((other) => other.to === way.to && other.frame === way.frame);
    if (met === i) expand(way.to, way.frame, undefined, ways);
  });
  return ways;
}

/** What may come after `tokens`; empty if they are not the beginning of any statement. */
export function waysAlong(tokens: readonly IToken[]): readonly Way[] {
  let ways = firstWays();
  for (const token of tokens) ways = waysAfter(taken(ways, token));
  return ways;
}

function expand(state: State, frame: Frame, starts: string | undefined, ways: Way[]): void {
  if (state.end && frame.back !== undefined) {
    expand(frame.back, frame.parent as Frame, starts, ways);
  }
  for (const step of state.steps) {
    if (step.kind === "jump") expand(step.to, frame, starts, ways);
    else if (step.kind === "token") {
      ways.push({ type: step.type, part: step.part, rule: state.rule, starts, to: step.to, frame });
    } else {
      const inner = graph().get(step.rule) as State;
      const outer = starts !== undefined && WHOLES.has(starts) ? starts : step.rule;
      expand(inner, frameOf(step.to, frame), outer, ways);
    }
  }
}

/** The one frame that goes back to `back` and then to `parent`, so that equal stacks compare equal. */
function frameOf(back: State, parent: Frame): Frame {
  let frame = parent.children.get(back);
  if (frame === undefined) {
    frame = { back, parent, children: new Map() };
    parent.children.set(back, frame);
  }
  return frame;
}

// ------------------------------------------------------------- rules → states

let compiled: ReadonlyMap<string, State> | undefined;

/** First state of each rule. */
function graph(): ReadonlyMap<string, State> {
  compiled ??= new Map(
    Object.entries(parser().getGAstProductions()).map(([name, rule]) => {
      const end: State = { rule: name, steps: [], end: true };
      return [name, sequence(rule.definition, end)];
    }),
  );
  return compiled;
}

function sequence(parts: readonly IProduction[], next: State): State {
  return parts.reduceRight((after, part) => one(part, after), next);
}

function one(part: IProduction, next: State): State {
  const { rule } = next;
  const state: State = { rule, steps: [], end: false };
  const jump = (from: State, to: State) => from.steps.push({ kind: "jump", to });
  if (part instanceof Terminal) {
    const { terminalType: type, label } = part;
    state.steps.push({ kind: "token", type, part: label ?? type.name, to: next });
  } else if (part instanceof NonTerminal) {
    state.steps.push({ kind: "rule", rule: part.nonTerminalName, to: next });
  } else if (part instanceof Alternation) {
    for (const alternative of part.definition) jump(state, one(alternative, next));
  } else if (part instanceof Alternative) {
    return sequence(part.definition, next);
  } else if (part instanceof Option) {
    jump(state, sequence(part.definition, next));
    jump(state, next);
  } else if (part instanceof Repetition || part instanceof RepetitionMandatory) {
    const body = sequence(part.definition, state);
    jump(state, body);
    jump(state, next);
    if (part instanceof RepetitionMandatory) return body;
  } else if (
    part instanceof RepetitionWithSeparator ||
    part instanceof RepetitionMandatoryWithSeparator
  ) {
    const body = sequence(part.definition, state);
    state.steps.push({ kind: "token", type: part.separator, part: part.separator.name, to: body });
    jump(state, next);
    if (part instanceof RepetitionMandatoryWithSeparator) return body;
    const entry: State = { rule, steps: [], end: false };
    jump(entry, body);
    jump(entry, next);
    return entry;
  }
  return state;
}
