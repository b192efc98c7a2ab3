/**
 * The grammar as text, in the W3C's EBNF, derived from the parser's rules. For `scripts/grammar.ts` and
 * the documentation; nothing at run time needs it.
 */

import {
  Alternation,
  Alternative,
  type IProduction,
  NonTerminal,
  Option,
  Repetition,
  RepetitionMandatory,
  RepetitionMandatoryWithSeparator,
  RepetitionWithSeparator,
  type Rule,
  Terminal,
  type TokenType,
} from "chevrotain";
import { parser } from "./parser.ts";
import * as T from "./tokens.ts";

/** How tokens that are not fixed words are written. */
const SHAPES: readonly (readonly [TokenType, string])[] = [
  [T.Identifier, "[A-Za-z_] [A-Za-z_0-9]*   /* and letters of other scripts */"],
  [T.QuotedName, `'"' ( [^"] | '""' )* '"'`],
  [T.Text, `"'" ( [^'] | "''" )* "'"`],
  [T.Bytes, `'b"' ( [^"\\] | '\\' [ntr\\"] | '\\x' [0-9A-Fa-f] [0-9A-Fa-f] )* '"'   /* or B */`],
  [T.HexBytes, `"x'" ( [0-9A-Fa-f] [0-9A-Fa-f] )* "'"   /* or X */`],
  [T.Base64Bytes, `"b64'" [A-Za-z0-9+/]* '='* "'"   /* or B64 */`],
  [T.NumberToken, "( [0-9]+ ( '.' [0-9]* )? | '.' [0-9]+ ) ( [eE] [+-]? [0-9]+ )?"],
  [T.Duration, "[0-9]+ [smhd]"],
  [T.NamedParameter, "':' Identifier"],
  [T.NotEqual, "'!=' | '<>'"],
];

const CATEGORIES = [
  T.LiteralToken,
  T.ParameterToken,
  T.Name,
  T.ComparisonOperator,
  T.Operator,
  T.Sign,
];

/** Every rule, then every kind of token. */
export function toEbnf(): string {
  const rules = Object.values(parser().getGAstProductions());
  const width = Math.max(...rules.map((rule) => rule.name.length));
  const lines = rules.map((rule) => production(rule, width));
  const categories = CATEGORIES.map((category) => {
    const members = T.vocabulary.filter((type) => type.CATEGORIES?.includes(category) === true);
    return `${category.name} ::= ${members.map(terminal).join(" | ")}`;
  });
  const shapes = SHAPES.map(([type, shape]) => `${type.name} ::= ${shape}`);
  const heading =
    "/* Keywords are case-insensitive. Comments run from -- to the end of the line or from slash-star\n" +
    "   to star-slash and, like white space, may stand between any two tokens. */";
  return [heading, "", ...lines, "", ...categories, "", ...shapes, ""].join("\n");
}

function production(rule: Rule, width: number): string {
  return `${rule.name.padEnd(width)} ::= ${sequence(rule.definition)}`;
}

function sequence(parts: readonly IProduction[]): string {
  return parts.map(write).join(" ");
}

function write(part: IProduction): string {
  if (part instanceof Terminal) return terminal(part.terminalType);
  if (part instanceof NonTerminal) return part.nonTerminalName;
  if (part instanceof Alternation) return `( ${part.definition.map(write).join(" | ")} )`;
  if (part instanceof Alternative) return sequence(part.definition);
  if (part instanceof Option) return `${group(part.definition)}?`;
  if (part instanceof Repetition) return `${group(part.definition)}*`;
  if (part instanceof RepetitionMandatory) return `${group(part.definition)}+`;
  if (part instanceof RepetitionMandatoryWithSeparator) return separated(part);
  if (part instanceof RepetitionWithSeparator) return `( ${separated(part)} )?`;
  throw new TypeError("the grammar has a kind of production that cannot be printed");
}

function separated(part: { definition: IProduction[]; separator: TokenType }): string {
  const each = sequence(part.definition);
  return `${each} ( ${terminal(part.separator)} ${each} )*`;
}

function group(parts: readonly IProduction[]): string {
  const text = sequence(parts);
  const [only] = parts;
  const closed = [Terminal, NonTerminal, Alternation].some((kind) => only instanceof kind);
  return parts.length === 1 && closed ? text : `( ${text} )`;
}

function terminal(type: TokenType): string {
  if (T.isKeyword(type)) return `'${type.name}'`;
  const named = CATEGORIES.includes(type) || SHAPES.some(([each]) => each === type);
  return named ? type.name : `'${T.imageOf(type)}'`;
}
